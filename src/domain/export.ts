import type { Micros } from '../base/clock.ts';

/** `Exporting` until it is built and checked. */
export type ExportStatus = 'Exporting' | 'Failed' | 'Done';

/** A model in a file of some platform. */
export interface Export {
  readonly id: string;
  readonly projectId: string;
  readonly iterationId: string;
  readonly platform: string;
  readonly flavor: string | null;
  readonly status: ExportStatus;
  readonly created: Micros;
  readonly bytes: number;
}

/** The export platforms made so far, with their flavors (first = when none is asked for), as Azure spells them. */
export const exportPlatforms = {
  ONNX: [null, 'OnnxFloat16'],
} as const satisfies Record<string, readonly (string | null)[]>;
