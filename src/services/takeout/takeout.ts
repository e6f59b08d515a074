import { Readable } from 'node:stream';
import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { second } from '../../base/clock.ts';
import { tar } from '../../base/tar.ts';
import { zipArchive } from '../../base/zip-archive.ts';
import { problem } from '../../domain/problems.ts';
import { findAccount } from '../../store/accounts.ts';
import { takeoutOrder } from '../../store/custody-takeout.ts';
import { hasProject, listProjects } from '../../store/projects.ts';
import { openText } from '../../store/sealed.ts';
import { record } from '../audit.ts';
import type { App } from '../context.ts';
import { requireProject } from '../projects.ts';
import { bag } from './bag.ts';
import { folderOf, isoTime, jsonFile, layoutVersion } from './layout.ts';
import { takeProject } from './project.ts';
import { readmeFiles } from './readme.ts';
import { schemaFiles } from './schemas.ts';
import { type MissingItem, type Notes, pagesOf, reasonOf, rowLines, type Taking, takenRow } from './taking.ts';

/** The kinds of archive: `zip` opens everywhere, `tar` is faster. */
export const archiveFormats = ['zip', 'tar'] as const;
/** One of {@link archiveFormats}. */
export type ArchiveFormat = (typeof archiveFormats)[number];

/** How far a takeout is. */
export interface TakeoutProgress {
  readonly files: number;
  /** Of pictures, exports and models; `totalBytes` is what there was at the beginning. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** `undefined` until it can be told. */
  readonly secondsLeft: number | undefined;
}

/** What is to be taken out, and how. */
export interface TakeoutInput {
  /** Only this project, with the account's own rows. */
  readonly projectId?: string | undefined;
  readonly format?: ArchiveFormat | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each file. */
  readonly onProgress?: ((progress: TakeoutProgress) => void) | undefined;
}

/** A takeout that has begun. */
export interface Takeout {
  /** What to save it as. */
  readonly name: string;
  readonly mediaType: string;
  /** About how long the archive gets: what its pictures, exports and stored predictions take. */
  readonly estimatedBytes: number;
  /** The archive's bytes, made as fast as they are read. Destroying it ends the takeout. */
  readonly stream: Readable;
  /**
   * What could not be read, also in the archive's `MISSING.json`; whole once the stream has ended. Empty: the archive
   * is complete.
   */
  readonly missing: readonly MissingItem[];
}

/**
 * Takes everything of an account, or of one of its projects, out as one archive: a BagIt bag (RFC 8493) with the
 * originals, all that is known of them in open formats, models, exports, stored predictions, and every row. Memory does
 * not grow with the pictures. What cannot be read is listed rather than passed over.
 * @throws AppError `NotFound`, `NotFoundProject`.
 */
export async function takeOut(app: Taking, accountId: string, input: TakeoutInput = {}): Promise<Takeout> {
  const account = await findAccount(app.db.query, accountId);
  if (account === undefined) throw problem('NotFound', 'There is no such account.');
  const { projectId, format = 'zip' } = input;
  if (projectId !== undefined) await requireProject(app.db.query, { accountId, projectId });
  const now = app.clock.now();
  const time = isoTime(now);
  const folder = `ownsight-${time.slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const projects = projectId
    ? [projectId]
    : (await listProjects(app.db.query, accountId)).map((row) => row.id).reverse();
  const creator = openText(app.keys, { accountId }, 'accounts.user_name', accountId, account.user_name);
  await app.db.transaction((tx) =>
    record(app, tx, 'takeout', projectId === undefined ? { accountId } : { accountId, projectId }, { format }),
  );
  const missing: MissingItem[] = [];
  const report = await reporting(app, projects, input);
  const notes: Notes = { missing, done: report.bytes, signal: input.signal };
  const payload = counted(files(app, accountId, projects, creator, time, notes), report.file);
  const entries = bag(payload, {
    folder,
    date: time.slice(0, 10),
    info: () => ({
      'External-Identifier': projectId ?? accountId,
      'Ownsight-Layout': layoutVersion,
      'Ownsight-Complete': missing.length === 0 ? 'yes' : 'no: data/MISSING.json lists what is missing',
    }),
  });
  const bytes = format === 'zip' ? zipArchive(entries, new Date(now / 1000)) : tar(entries, now / second);
  return {
    name: `${folder}.${format}`,
    mediaType: format === 'zip' ? 'application/zip' : 'application/x-tar',
    estimatedBytes: report.totalBytes,
    stream: Readable.from(bytes, { objectMode: false, highWaterMark: 1024 * 1024 }),
    missing,
  };
}

async function* files(
  app: Taking,
  accountId: string,
  projects: readonly string[],
  creator: string,
  time: string,
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  yield* readmeFiles(time);
  yield* schemaFiles();
  for (const table of takeoutOrder('account')) {
    const lines = rowLines({ accountId }, table);
    for await (const rows of pagesOf(app, table, { accountId }, notes.signal))
      for (const row of rows) {
        const open = takenRow(app, { accountId }, table, row, notes);
        if (open !== undefined) yield* lines.add(open);
      }
    yield* lines.end();
  }
  for (const projectId of projects) {
    const scope = { accountId, projectId };
    try {
      yield* takeProject(app, scope, creator, notes);
    } catch (error) {
      notes.signal?.throwIfAborted();
      const gone = !(await hasProject(app.db.query, accountId, projectId));
      const reason = gone ? 'deleted meanwhile' : reasonOf(error);
      notes.missing.push({ file: folderOf(projectId), what: 'the rest of a project', reason });
    }
  }
  if (notes.missing.length > 0) yield jsonFile('MISSING.json', notes.missing);
}

async function* counted(entries: AsyncIterable<ArchiveEntry>, file: () => void): AsyncGenerator<ArchiveEntry> {
  for await (const entry of entries) {
    yield entry;
    file();
  }
}

/** Follows how far a takeout is, against the sizes that the rows tell. */
async function reporting(app: Pick<App, 'db'>, projects: readonly string[], { onProgress }: TakeoutInput) {
  let [files, doneBytes, totalBytes] = [0, 0, 0];
  if (projects.length > 0)
    for (const table of ['images', 'predictions', 'exports'] as const) {
      const row = await app.db.query
        .selectFrom(table)
        .select((at) => at.fn.sum<number>('bytes').as('bytes'))
        .where('project_id', 'in', [...projects])
        .executeTakeFirst();
      totalBytes += Number(row?.bytes ?? 0);
    }
  const begun = performance.now();
  return {
    totalBytes,
    bytes(more: number): void {
      doneBytes += more;
    },
    file(): void {
      files++;
      if (onProgress === undefined) return;
      const seconds = (performance.now() - begun) / 1000;
      const left = Math.max(0, totalBytes - doneBytes);
      const secondsLeft = doneBytes > 0 && seconds > 1 ? Math.ceil((left * seconds) / doneBytes) : undefined;
      onProgress({ files, doneBytes, totalBytes: Math.max(totalBytes, doneBytes), secondsLeft });
    },
  };
}
