import type { ArchiveEntry } from '../../base/archive-entry.ts';
import type { Micros } from '../../base/clock.ts';
import type { ImageFormat } from '../../domain/image.ts';
import type { BlobKind } from '../../store/blobs.ts';
import type { Tables } from '../../store/schema.ts';

/** The version of the archive's layout: in `bag-info.txt`, and checked when an archive is put back. */
export const layoutVersion = '1';

const endings: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'jpg',
  png: 'png',
  gif: 'gif',
  bmp: 'bmp',
  webp: 'webp',
  tiff: 'tif',
};

/** The folder of a project in the archive, or of the account. */
export const folderOf = (projectId: string | undefined): string =>
  projectId === undefined ? 'account' : `projects/${projectId}`;

/** The folder of what is in the trash of a project. */
export const trashFolder = (projectId: string): string => `trash/${projectId}`;

/** Where the account's log lies, as `ownsight verify` checks it. */
export const auditPath = 'account/audit.json';

/** Where the rows of a table lie, in parts numbered from 1. */
export const rowsFile = (projectId: string | undefined, table: keyof Tables, part: number): string =>
  `${folderOf(projectId)}/rows/${table}-${String(part).padStart(5, '0')}.jsonl`;

/** Where the blob of a row lies in the archive, below its project's folder; `undefined` for kinds that are not taken out. */
export function blobFile(
  projectId: string,
  kind: BlobKind,
  id: string,
  format: unknown,
  folder = folderOf(projectId),
): string | undefined {
  switch (kind) {
    case 'image-original':
      return `${folder}/images/${id}.${endings[format as ImageFormat]}`;
    case 'prediction-original':
      return `${folder}/predictions/${id}.${endings[format as ImageFormat]}`;
    case 'model':
      return `${folder}/iterations/${id}/model.own`;
    case 'export':
      return `${folder}/exports/${id}.zip`;
    default:
      return undefined;
  }
}

/** A moment as ISO 8601 with microseconds. */
export const isoTime = (moment: Micros): string =>
  `${new Date(Math.floor(moment / 1000)).toISOString().slice(0, -1)}${String(moment % 1000).padStart(3, '0')}Z`;

/** A JSON file, for people to read as well. */
export const jsonFile = (name: string, content: unknown): ArchiveEntry => ({
  name,
  bytes: Buffer.from(`${JSON.stringify(content, null, 2)}\n`),
  text: true,
});

/** Bytes of text kept back before a part is written out. */
const partBytes = 4 * 1024 * 1024;

/** Collects JSON lines into files of a few megabytes each. */
export interface Lines {
  /** Adds a line; gives the part that is full, if one is. */
  add(value: unknown): ArchiveEntry[];
  /** The last part, if there is anything in it. */
  end(): ArchiveEntry[];
}

/** {@link Lines} whose parts are named by their number, from 1. */
export function jsonLines(name: (part: number) => string): Lines {
  let lines: string[] = [];
  let [size, part] = [0, 1];
  const flush = (isFull = false): ArchiveEntry[] => {
    if (lines.length === 0) return [];
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    lines = [];
    size = 0;
    return [{ name: name(part++), bytes, text: true, ...(isFull && { exact: true }) }];
  };
  return {
    add(value) {
      const line = JSON.stringify(value);
      lines.push(line);
      size += line.length;
      return size > partBytes ? flush(true) : [];
    },
    end: () => flush(),
  };
}
