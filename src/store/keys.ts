/** How many bytes longer than what it seals a ciphertext is: version (1), nonce (12), tag (16). */
export const sealOverhead = 29;

/** Whose key: an account's own, or one project's below it. */
export interface KeyScope {
  readonly accountId: string;
  /** Absent: the account's own key. */
  readonly projectId?: string;
}

/**
 * What a ciphertext is bound to beside its scope: swapping two of them, between rows, columns or kinds, fails to open.
 * `kind` names the table column or the blob kind (`projects.name`, `image-original`), `id` the row or the blob.
 */
export interface SealedThing extends KeyScope {
  readonly kind: string;
  readonly id: string;
}

/**
 * The key tree: master key -> account key -> project key, each 256 bits, each wrapped by the one above and kept in a
 * key store apart from the database. Destroying a key makes all it sealed unreadable, in backups too.
 */
export interface Keys {
  /** Makes the key of a new account or project and keeps it durably, before anything is sealed under it. */
  create(scope: KeyScope): void;
  /** Overwrites and removes the key (an account's: its projects' too). Durable on return; idempotent. */
  destroy(scope: KeyScope): void;
  /** Whether the key exists. */
  has(scope: KeyScope): boolean;
  /** Every key in the key store, for `doctor`. */
  list(): KeyScope[];
  /** 32 random bytes to sign the server's receipts with, made on the first call and kept with the keys, wrapped by the master key. */
  signing(): Buffer;
  /** The replacement of the master key. */
  readonly master: MasterKey;
  /** AES-256-GCM under the scope's key, `thing` as associated data: version, nonce (12), ciphertext, tag (16) in one buffer. */
  seal(thing: SealedThing, plain: Uint8Array): Buffer;
  /** The inverse. @throws AppError `KeyMissing` when the key was destroyed, `Sealed` when the bytes were changed or are another thing's. */
  open(thing: SealedThing, sealed: Uint8Array): Buffer;
  /**
   * What seals and opens under the scope's key, 32 bytes: not a copy of them, so that a thread which uses them cannot after
   * the key was destroyed. @throws AppError `KeyMissing`.
   */
  lend(scope: KeyScope): SharedArrayBuffer;
  /** HMAC-SHA-256 in hexadecimal under a subkey of the scope (`undefined`: of the server), so that a secret or a name can be looked up without being stored. `kind` separates uses. */
  lookup(scope: KeyScope | undefined, kind: string, text: string | Uint8Array): string;
}

/** Replacing the master key: old copies of the files that hold keys open with none that is left. */
export interface MasterKey {
  /**
   * Makes a new master key, wraps every account's key anew and overwrites the old one. `false`: it lies elsewhere and is
   * not ours to replace. Interrupted anywhere, the store opens as before. Only where no other process does the same.
   * @throws AppError `ErrorStorageFull`; the store opens as before.
   */
  rotate(): boolean;
  /** Finishes what {@link rotate} was interrupted in. */
  resume(): void;
}
