import { Readable } from 'node:stream';
import type { ArchiveEntry, PackedEntry } from '../../base/archive-entry.ts';
import { type ArchiveFormatName, archiveFormats, archivePart } from '../../base/archive-format.ts';
import type { Micros } from '../../base/clock.ts';
import type { AuditHead } from '../../domain/audit.ts';
import { problem } from '../../domain/problems.ts';
import { findAccount } from '../../store/accounts.ts';
import { auditHead } from '../../store/audit.ts';
import { takeoutOrder } from '../../store/custody-takeout.ts';
import { hasProject, listProjects } from '../../store/projects.ts';
import { openText } from '../../store/sealed.ts';
import { trashedProjects } from '../../store/trash-items.ts';
import { readAudit, record } from '../audit.ts';
import type { App } from '../context.ts';
import { requireProject } from '../projects.ts';
import { bag } from './bag.ts';
import { auditPath, folderOf, isoTime, jsonFile, layoutVersion } from './layout.ts';
import { takeProject } from './project.ts';
import { readmeFiles } from './readme.ts';
import { schemaFiles } from './schemas.ts';
import { type MissingItem, missing, type Notes, pagesOf, reasonOf, rowLines, type Taking, takenRow } from './taking.ts';
import { takeTrash, takeTrashList } from './trash.ts';

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
  readonly format?: ArchiveFormatName | undefined;
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
  const { projectId, format = 'zip', signal } = input;
  const subject = await subjectOf(app, accountId, projectId);
  const created = app.clock.now();
  const log = await app.db.transaction(async (tx) => {
    await record(app, tx, 'takeout', { accountId, ...(projectId && { projectId }) }, { format });
    return auditHead(tx, app.keys, accountId);
  });
  const projects = await projectsOf(app, subject, everything);
  const report = await reporting(app, projects, input);
  const missing: MissingItem[] = [];
  const { mediaType, crc32, pack, write } = archiveFormats[format];
  const notes = { ...freshNotes(log, signal), crc32, missing, done: report.bytes };
  const entries = counted(archiveEntries(app, { ...subject, created, projects }, notes, pack), report.file);
  return {
    name: `${folderName(created)}.${format}`,
    mediaType,
    estimatedBytes: report.totalBytes,
    stream: Readable.from(archivePart(write(entries, created), 0, everything), {
      objectMode: false,
      highWaterMark: 1024 * 1024,
    }),
    missing,
  };
}

/** Later than any moment, more than any size. */
export const everything = Number.MAX_SAFE_INTEGER;

/** Whose data is taken out. */
export interface TakeoutSubject {
  readonly accountId: string;
  /** The account's name. */
  readonly creator: string;
  /** `undefined`: all of the account. */
  readonly projectId: string | undefined;
}

/** What there is to take out. @throws AppError `NotFound`, `NotFoundProject`. */
export async function subjectOf(
  app: Pick<App, 'db' | 'keys'>,
  accountId: string,
  projectId: string | undefined,
): Promise<TakeoutSubject> {
  const account = await findAccount(app.db.query, accountId);
  if (account === undefined) throw problem('NotFound', 'There is no such account.');
  if (projectId !== undefined) await requireProject(app.db.query, { accountId, projectId });
  const creator = openText(app.keys, { accountId }, 'accounts.user_name', accountId, account.user_name);
  return { accountId, creator, projectId };
}

/** The projects of a takeout, oldest first, but those made after `until`, and those that an import has not brought yet. */
export async function projectsOf(
  app: Pick<App, 'db'>,
  { accountId, projectId }: TakeoutSubject,
  until: Micros,
): Promise<string[]> {
  if (projectId !== undefined) return [projectId];
  const rows = await listProjects(app.db.query, accountId);
  return rows
    .filter((row) => row.created <= until && row.status === 'Succeeded')
    .map((row) => row.id)
    .reverse();
}

/** The notes of a takeout that takes what there is, all of it. */
export const freshNotes = (log: AuditHead, signal: AbortSignal | undefined): Notes => ({
  missing: [],
  done: () => undefined,
  signal,
  until: everything,
  log,
  known: () => undefined,
  crc32: true,
  onMissing: () => undefined,
  onRow: () => undefined,
});

/** The folder in an archive that everything lies in, named by the moment it is of. */
export const folderName = (created: Micros): string =>
  `ownsight-${isoTime(created).slice(0, 19).replaceAll(/[-:]/g, '')}Z`;

/** Every entry of an archive, in an order that depends on nothing but what there is. */
export function archiveEntries(
  app: Taking,
  subject: TakeoutSubject & { readonly created: Micros; readonly projects: readonly string[] },
  notes: Notes,
  pack: (entry: ArchiveEntry) => Promise<PackedEntry>,
): AsyncGenerator<PackedEntry> {
  const { accountId, projectId, created } = subject;
  const { missing } = notes;
  const facts = {
    folder: folderName(created),
    date: isoTime(created).slice(0, 10),
    info: () => ({
      'External-Identifier': projectId ?? accountId,
      'Ownsight-Layout': layoutVersion,
      'Ownsight-Complete': missing.length === 0 ? 'yes' : 'no: data/MISSING.json lists what is missing',
    }),
  };
  return bag(files(app, subject, notes), facts, pack);
}

async function* files(
  app: Taking,
  { accountId, projectId: subject, creator, created, projects }: Parameters<typeof archiveEntries>[1],
  notes: Notes,
): AsyncGenerator<ArchiveEntry> {
  yield* readmeFiles(isoTime(created));
  yield* schemaFiles();
  for (const table of takeoutOrder('account')) {
    const lines = rowLines({ accountId }, table);
    for await (const rows of pagesOf(app, table, { accountId }, notes))
      for (const row of rows) {
        const open = takenRow(app, { accountId }, table, row, notes);
        if (open === undefined) continue;
        yield* lines.add(table === 'audit_heads' ? { ...open, head: notes.log } : open);
      }
    yield* lines.end();
  }
  yield await auditFile(app, accountId, notes);
  for (const projectId of projects) {
    const scope = { accountId, projectId };
    try {
      yield* takeProject(app, scope, creator, notes);
    } catch (error) {
      notes.signal?.throwIfAborted();
      const gone = !(await hasProject(app.db.query, accountId, projectId));
      const reason = gone ? 'deleted meanwhile' : reasonOf(error);
      missing(notes, { file: folderOf(projectId), what: 'the rest of a project', reason });
    }
  }
  yield* takeTrashList(app, accountId, subject, notes);
  for (const projectId of projects) yield* takeTrash(app, { accountId, projectId }, false, notes);
  if (subject === undefined)
    for (const projectId of await trashedProjects(app.db.query, accountId, notes.until))
      yield* takeTrash(app, { accountId, projectId }, true, notes);
  if (notes.missing.length > 0) yield jsonFile('MISSING.json', notes.missing);
}

/** The account's log with its hashes, and its details as ciphertext too: whoever has it can check it without any key. */
async function auditFile(app: Taking, accountId: string, { log }: Notes): Promise<ArchiveEntry> {
  const lines: Buffer[] = [];
  for (let after = 0; after < log.entries; ) {
    const { entries } = await readAudit(app, accountId, after);
    for (const entry of entries)
      if (entry.number <= log.entries)
        lines.push(Buffer.from(`${lines.length > 0 ? ',' : ''}\n${JSON.stringify(entry)}`));
    if (entries.length === 0) break;
    after = entries.at(-1)!.number;
  }
  const head = `{"account":${JSON.stringify(accountId)},"head":${JSON.stringify(log)},"entries":[`;
  return { name: auditPath, bytes: Buffer.concat([Buffer.from(head), ...lines, Buffer.from(']}\n')]), text: true };
}

async function* counted(entries: AsyncIterable<PackedEntry>, file: () => void): AsyncGenerator<PackedEntry> {
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
