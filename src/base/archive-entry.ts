/** What is known of a file beside its bytes. */
export interface EntryFacts {
  /** Its size. */
  readonly bytes: number;
  /** How many bytes it takes in the archive: fewer than `bytes` where it is compressed. */
  readonly packed: number;
  /** 0 where the archive has none. */
  readonly crc32: number;
  /** 32 bytes. */
  readonly sha256: Buffer;
}

/** One file that goes into an archive. */
export interface ArchiveEntry {
  /** Its path, parts separated by `/`; no leading one, no `..`. */
  readonly name: string;
  /** `undefined`: passed over, since `facts` tell all that the rest of the archive says of it. */
  readonly bytes: Uint8Array | undefined;
  /** Worth compressing, as text is and a single small file; pictures, and models by the thousand, are not. */
  readonly text: boolean;
  /** Of a file that is passed over. */
  readonly facts?: EntryFacts;
  /** Of its bytes, where somebody computed them already. */
  readonly sums?: Pick<EntryFacts, 'crc32' | 'sha256'> | undefined;
  /** What comes after it depends on these very bytes: where one of several parts ends, the next begins. */
  readonly exact?: true;
}

/** A file as it lies in the archive. */
export interface PackedEntry extends Pick<ArchiveEntry, 'name' | 'text'> {
  readonly facts: EntryFacts;
  /** `undefined`: passed over. */
  readonly body: Uint8Array | undefined;
}

/** A piece of an archive: its bytes, or how many of them are passed over. */
export type Piece = Uint8Array | number;
