import type { KeyScope, Keys } from './keys.ts';

/** A text sealed for one column of one row: `kind` is `<table>.<column>`. */
export const sealText = (keys: Keys, scope: KeyScope, kind: string, id: string, text: string): Buffer =>
  keys.seal({ ...scope, kind, id }, Buffer.from(text, 'utf8'));

/** The inverse of {@link sealText}. */
export const openText = (keys: Keys, scope: KeyScope, kind: string, id: string, sealed: Uint8Array): string =>
  keys.open({ ...scope, kind, id }, sealed).toString('utf8');

/** {@link openText} for a column that may be null. */
export const openTextOrNull = (
  keys: Keys,
  scope: KeyScope,
  kind: string,
  id: string,
  sealed: Uint8Array | null,
): string | null => (sealed === null ? null : openText(keys, scope, kind, id, sealed));
