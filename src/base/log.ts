/**
 * Facts worth a line. Values are counts, ids, durations and codes: never a name, a key, an address or anything a user
 * typed.
 */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where log lines go. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  /** Of `error` only its type, code and stack positions are written, never its message, which may quote the user. */
  error(event: string, error: unknown, fields?: LogFields): void;
}
