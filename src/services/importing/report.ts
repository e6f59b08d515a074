import { AppError } from '../../base/errors.ts';
import type { ImageCreateStatus } from '../../domain/image.ts';
import type { ProblemCode } from '../../domain/problems.ts';

/** Something that could not be imported, and why. */
export interface Fault {
  readonly fault: 'project' | 'tag' | 'picture' | 'box' | 'labels' | 'iteration';
  /** Its id there, or the path of its file. */
  readonly item: string;
  /** The code an upload of it would be answered with, where there is one. */
  readonly code: ProblemCode | ImageCreateStatus;
  readonly reason: string;
}

/** Whether something read from a source is a fault. */
export const isFault = (one: object): one is Fault => 'fault' in one;

/** How well an imported iteration does: as the other service told it, and as what it told of each picture amounts to. */
export interface Compared {
  readonly iteration: string;
  readonly threshold: number;
  readonly told: { readonly precision: number; readonly recall: number; readonly averagePrecision: number };
  /** `null` when the service told nothing of single pictures, as of detectors. */
  readonly computed: { readonly precision: number; readonly recall: number; readonly averagePrecision: number } | null;
}

/** What became of one project. */
export interface ProjectReport {
  /** Its id where it came from; `null` for folders. */
  readonly from: string | null;
  /** Its id here. */
  readonly id: string;
  readonly name: string;
  readonly tags: { imported: number; present: number };
  readonly images: {
    imported: number;
    /** Were here already, from an earlier run. */
    present: number;
    /** The same picture was here under another id, or came twice: it gained the labels. */
    duplicates: number;
    /** Only a smaller copy could be had of these of the imported ones. */
    resized: number;
  };
  readonly iterations: { imported: number; present: number };
  readonly compared: Compared[];
  /** What could not be taken over as it was, in words. */
  readonly notes: string[];
  readonly failed: Fault[];
}

/** What became of an import. */
export interface ImportReport {
  /** Kind and place: `custom-vision https://…`, `coco /home/…`. */
  readonly source: string;
  /** The version of the API that was asked, of a service. */
  readonly apiVersion: string | null;
  /** All of it is here. */
  complete: boolean;
  /** It was stopped, or broke off: run again, it goes on. */
  stopped: string | null;
  readonly projects: ProjectReport[];
  /** What failed outside of any project. */
  readonly failed: Fault[];
}

/** How far an import is. */
export interface ImportProgress {
  readonly project: string;
  readonly step: 'pictures' | 'iterations';
  readonly done: number;
  /** `undefined` while it is not known. */
  readonly total: number | undefined;
  /** Bytes of pictures that came so far. */
  readonly bytes: number;
  readonly failed: number;
  /** Whole seconds; `undefined` while they cannot be told. */
  readonly secondsLeft: number | undefined;
}

/** How an import is run. */
export interface ImportRun {
  /** Aborted, it stops after what is in hand and says so in its report; nothing is half there. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
}

/** A refusal of one thing, as the report has it. @throws what is no refusal of this one thing alone. */
export function faultOf(fault: Fault['fault'], item: string, error: unknown): Fault {
  if (!(error instanceof AppError) || fatal.has(error.code)) throw error;
  if (fault !== 'project' && fatalForProject.has(error.code)) throw error;
  return { fault, item, code: error.code as Fault['code'], reason: error.message };
}

/** What stops the whole import: the next thing would fail as well. */
const fatal: ReadonlySet<string> = new Set(['ErrorStorageFull', 'ImportRefused']);
/** What stops the import of one project. */
const fatalForProject: ReadonlySet<string> = new Set(['Conflict', 'NotFoundProject', 'KeyMissing', 'Sealed']);
