/** The ONNX forms offered: plain float32, or everything float16. */
export type OnnxFlavor = 'float32' | 'float16';

/** One file of an export. */
export interface ExportedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A model in an exchange format, checked against the server's own answers before it is handed out. */
export interface ExportedModel {
  /** The model file and the test vectors; labels and manifest are the caller's business. */
  readonly files: readonly ExportedFile[];
  /** Largest absolute difference of a probability between this model in its runtime and our own. */
  readonly maxDifference: number;
  /** What `metadata_properties.json` says, every value a string. */
  readonly metadata: Readonly<Record<string, string>>;
}
