/** The kinds of blob there are. Each has its row in `custody.ts`. */
export const blobKinds = [
  'image-original',
  'image-thumbnail',
  'model',
  'export',
  'prediction-original',
  'prediction-thumbnail',
] as const;
/** One of {@link blobKinds}. */
export type BlobKind = (typeof blobKinds)[number];

/** A blob's place: `<account>/<project>/<kind>/<id>`; so an account's or a project's blobs share a prefix. */
export type BlobKey = `${string}/${string}/${BlobKind}/${string}`;

/** The key of the blob of `kind` that belongs to `id` in a project. All parts are UUIDs but the kind. */
export const blobKey = (accountId: string, projectId: string, kind: BlobKind, id: string): BlobKey =>
  `${accountId}/${projectId}/${kind}/${id}`;

/** What the parts of a key are: the inverse of {@link blobKey}. */
export function blobParts(key: BlobKey): { accountId: string; projectId: string; kind: BlobKind; id: string } {
  const [accountId, projectId, kind, id] = key.split('/') as [string, string, BlobKind, string];
  return { accountId, projectId, kind, id };
}

/**
 * Bytes by key. Everything put here is ciphertext already (see `keys.ts`). Every implementation passes
 * `test/suites/blobs.ts`.
 */
export interface BlobStore {
  /**
   * Stores `bytes`; when it resolves they survive a power cut. An interrupted put leaves either nothing visible or all
   * of it. Overwrites.
   */
  put(key: BlobKey, bytes: Uint8Array): Promise<void>;
  /** The bytes, or `undefined` when there is no such blob. */
  get(key: BlobKey): Promise<Buffer | undefined>;
  /** Removes the blobs; a missing one is not an error. When it resolves the removal survives a power cut. */
  delete(keys: readonly BlobKey[]): Promise<void>;
  /** Removes everything below `<account>/` or `<account>/<project>/`. */
  deletePrefix(prefix: `${string}/`): Promise<void>;
  /**
   * Every key below `prefix` (`''` = all) with its size in bytes, in no promised order; leftovers of interrupted puts
   * are not listed.
   */
  list(prefix: string): AsyncIterable<{ key: BlobKey; bytes: number }>;
}
