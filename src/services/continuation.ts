import { type ProblemCode, problem } from '../domain/problems.ts';
import type { KeyScope, Keys } from '../store/keys.ts';

/** Where a page of a list ended: its last entry, by what the list is ordered by, and by its id. */
export interface Position {
  /** A whole number. */
  readonly rank: number;
  readonly id: string;
}

const markOf = (keys: Keys, scope: KeyScope, order: string, text: string): string =>
  keys.lookup(scope, 'continuation', `${order} ${text}`).slice(0, 32);

/** What a client sends back to get the page after `position` of a project's list in this order. It names nothing but an id. */
export function continuationAt(keys: Keys, scope: KeyScope, order: string, { rank, id }: Position): string {
  const text = `${rank}_${id}`;
  return `${text}_${markOf(keys, scope, order, text)}`;
}

/**
 * The inverse of {@link continuationAt}.
 * @throws AppError `code` for what no answer gave, or gave for another project or another order.
 */
export function readContinuation(
  keys: Keys,
  scope: KeyScope,
  order: string,
  continuation: string,
  code: ProblemCode,
): Position {
  const [, text = '', rank, id = '', mark] = /^((\d{1,16})_([\da-f-]{36}))_([\da-f]{32})$/.exec(continuation) ?? [];
  if (mark === undefined || mark !== markOf(keys, scope, order, text))
    throw problem(
      code,
      `Expected a continuation as an earlier answer gave it, for the same project and order (${order}), but received another.`,
    );
  return { rank: Number(rank), id };
}
