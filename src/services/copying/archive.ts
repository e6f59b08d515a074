import { Readable } from 'node:stream';
import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { archiveFormats, archivePart } from '../../base/archive-format.ts';
import { emptyHead } from '../../domain/audit.ts';
import { blobKindsOf, copiedTables } from '../../store/custody-takeout.ts';
import { keptByIterations } from '../../store/iterations.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { IterationRow, Tables } from '../../store/schema.ts';
import type { ProjectScope } from '../context.ts';
import { bag } from '../takeout/bag.ts';
import { isoTime, jsonFile, layoutVersion } from '../takeout/layout.ts';
import { ownRows, type Taken } from '../takeout/project.ts';
import { withBlobs } from '../takeout/taken-blobs.ts';
import { everything, folderName, freshNotes } from '../takeout/takeout.ts';
import { type Notes, rowLines, type Taking, takenRow } from '../takeout/taking.ts';

/**
 * A project for another account: its tags, images and trained iterations with their models as a tar, made as fast as it is
 * read. It says nothing of the account it is from, and nothing of how the project is used there: no predictions, no
 * published names. Destroying it ends it.
 */
export function projectArchive(app: Taking, scope: ProjectScope, signal: AbortSignal): Readable {
  const created = app.clock.now();
  const notes = freshNotes(emptyHead, signal);
  const { crc32, pack, write } = archiveFormats.tar;
  const facts = {
    folder: folderName(created),
    date: isoTime(created).slice(0, 10),
    info: () => ({ 'External-Identifier': scope.projectId, 'Ownsight-Layout': layoutVersion }),
  };
  const entries = bag(files(app, scope, { ...notes, crc32 }), facts, pack);
  return Readable.from(archivePart(write(entries, created), 0, everything), {
    objectMode: false,
    highWaterMark: 1024 * 1024,
  });
}

async function* files(app: Taking, scope: ProjectScope, notes: Notes): AsyncGenerator<ArchiveEntry> {
  const taken: Taken = new Map();
  // What iterations keep of deleted images and tags is known once it is known which iterations go along.
  const tables = ['projects', 'iterations', ...copiedTables.filter((one) => !/^(projects|iterations)$/.test(one))];
  for (const table of tables as (keyof Tables)[]) {
    const ids = new Set<string>();
    taken.set(table, ids);
    const lines = rowLines(scope, table);
    for await (const { row, file } of rowsToCopy(app, scope, table, taken, notes)) {
      if (file !== undefined) yield file;
      const open = takenRow(app, scope, table, row, notes);
      if (open === undefined) continue;
      if (typeof row.id === 'string') ids.add(row.id);
      yield* lines.add(copied(table, open));
    }
    yield* lines.end();
  }
  if (notes.missing.length > 0) yield jsonFile('MISSING.json', notes.missing);
}

async function* rowsToCopy(
  app: Taking,
  scope: ProjectScope,
  table: keyof Tables,
  taken: Taken,
  notes: Notes,
): AsyncGenerator<{ readonly row: AnyRow; readonly file: ArchiveEntry | undefined }> {
  const pages = goingAlong(app, table, taken, ownRows(app, scope, table, taken, notes));
  const [kind] = blobKindsOf(table, 'takenAs');
  if (kind === undefined) for await (const page of pages) yield* page.map((row) => ({ row, file: undefined }));
  else for await (const { some } of withBlobs(app, { scope, table, kind }, pages, notes)) yield* some;
}

/** Leaves out iterations that are no use elsewhere, or still know what they are to forget; and what only those keep. */
async function* goingAlong(
  app: Taking,
  table: keyof Tables,
  taken: Taken,
  pages: AsyncIterable<AnyRow[]>,
): AsyncGenerator<AnyRow[]> {
  for await (const page of pages) {
    if (table === 'iterations') yield page.filter((row) => isCopied(row as unknown as IterationRow));
    else if (table === 'images' || table === 'tags') {
      const deleted = page.filter((row) => row.workspace === 0).map((row) => row.id as string);
      const kept = await keptByIterations(app.db.query, table, deleted, taken.get('iterations')!);
      yield page.filter((row) => row.workspace === 1 || kept.has(row.id as string));
    } else yield page;
  }
}

/** Whether an iteration goes along when its project is copied. */
export const isCopied = ({ status, rebuild }: Pick<IterationRow, 'status' | 'rebuild'>): boolean =>
  (status === 'Completed' || status === 'Imported') && rebuild === null;

/** A row as it goes to others. The settings of a project travel in the information beside the archive. */
function copied(table: keyof Tables, row: Readonly<Record<string, unknown>>): unknown {
  if (table === 'iterations')
    return {
      ...row,
      publish_name: null,
      publish_resource: null,
      is_default: 0,
      base_project_id: null,
      base_iteration_id: null,
    };
  if (table !== 'projects') return row;
  const nothing = Object.fromEntries(Object.keys(row).map((name) => [name, null]));
  return { ...nothing, id: row.id, status: row.status, iteration_count: row.iteration_count };
}
