import type { App } from './context.ts';

/**
 * The id that stands for `id` in an account where that one is taken: always the same for the same account, so that what
 * was put back or imported once is found again. A UUID of version 8 (RFC 9562).
 */
export function otherId(app: Pick<App, 'keys'>, accountId: string, id: string): string {
  const hex = app.keys.lookup({ accountId }, 'restored-id', id);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
