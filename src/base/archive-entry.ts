/** One file that goes into an archive. */
export interface ArchiveEntry {
  /** Its path, parts separated by `/`; no leading one, no `..`. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Text, which is worth compressing; pictures and models are not. */
  readonly text: boolean;
}
