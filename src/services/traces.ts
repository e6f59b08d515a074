/** Whose data has been in the memory of this process, which gives back freed memory without overwriting it. */
export interface Traces {
  /** Notes that something of the account is in memory, or was. */
  note(accountId: string): void;
  /** Says that nothing of the account is left anywhere else. */
  erased(accountId: string): void;
  /** Resolves once an account has been erased that was noted: only the end of this process ends all traces of it. */
  readonly left: Promise<void>;
}

/** No traces. */
export function createTraces(): Traces {
  const noted = new Set<string>();
  const { promise: left, resolve } = Promise.withResolvers<void>();
  return {
    note: (accountId) => noted.add(accountId),
    erased: (accountId) => noted.has(accountId) && resolve(),
    left,
  };
}
