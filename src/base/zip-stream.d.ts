/** The part of zip-stream 7 that is used; the package carries no types. */
declare module 'zip-stream' {
  import type { Readable } from 'node:stream';

  class ZipStream extends Readable {
    constructor(options?: { level?: number; store?: boolean; forceZip64?: boolean });
    /** Appends an entry; the next one only after `done`. */
    entry(
      source: Buffer | Readable | string | null,
      data: { name: string; date?: Date; store?: boolean; mode?: number },
      done: (error: Error | null, entry?: unknown) => void,
    ): void;
    /** No more entries. */
    finalize(): void;
  }

  // biome-ignore lint/style/noDefaultExport: the package's own form
  export { ZipStream as default };
}
