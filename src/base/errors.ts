/**
 * An error whose `message` may be shown to whoever asked; what went wrong inside stays in `cause`, apart.
 * `code` is a stable word a program can match on.
 */
export class AppError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AppError';
    this.code = code;
  }
}

/** The one wording of a refused value: "expected `what` for `name` but received `received`". */
export function expected(what: string, name: string, received: unknown): string {
  return `expected ${what} for ${name} but received ${describe(received)}`;
}

/** A value in a few words fit for a message: strings quoted and cut at 60 characters, objects by their type only. */
function describe(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 60 ? `"${value.slice(0, 60)}…" (${value.length} characters)` : `"${value}"`;
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  return Array.isArray(value) ? `an array of ${value.length}` : `a value of type ${typeof value}`;
}
