import { timingSafeEqual } from 'node:crypto';
import { type ArchiveFormatName, archiveBytes, archiveFormats } from '../../base/archive-format.ts';
import { day, type Micros } from '../../base/clock.ts';
import { newId } from '../../base/id.ts';
import type { AuditHead } from '../../domain/audit.ts';
import { problem } from '../../domain/problems.ts';
import { auditHead } from '../../store/audit.ts';
import type { TakeoutRow } from '../../store/schema.ts';
import { findTakeout, listTakeoutRows, removeTakeouts } from '../../store/takeouts.ts';
import { record } from '../audit.ts';
import type { App } from '../context.ts';
import { archiveEntries, everything, freshNotes, projectsOf, subjectOf } from './takeout.ts';
import type { Taking } from './taking.ts';

/** How long a takeout can be gone on with after it was read last. */
export const takeoutKept: Micros = day;
/**
 * What the archive may grow by while it is read (an image gets more tags, a name gets longer), as part of its bytes and
 * at least; and for each training and export that was under way when it was begun.
 */
const room = { part: 1 / 256, least: 64 * 1024, unfinished: 32 * 1024 * 1024 };

/** An archive that can be read, and gone on with after an interruption. */
export interface TakeoutState {
  readonly id: string;
  readonly projectId: string | null;
  readonly format: ArchiveFormatName;
  readonly created: Micros;
  /** When it ends unless it is read before. */
  readonly expires: Micros;
  /** `Waiting`: nobody reads it; `Sent`: somebody read it to its end; `Changed`: it cannot be gone on with. */
  readonly state: 'Waiting' | 'Sending' | 'Sent' | 'Changed';
  /** How many bytes the archive has. */
  readonly bytes: number;
  /** How far the last client has come. */
  readonly sent: number;
  /** `null` when nobody reads it, or it cannot be told yet. */
  readonly secondsLeft: number | null;
  /** Files that could not be read, so far. */
  readonly missing: number;
}

/**
 * Begins a takeout: measures the archive, without reading a picture, and writes down what it is of. Nothing is made
 * before somebody reads it (`readTakeout`). @throws AppError `NotFound`, `NotFoundProject`.
 */
export async function beginTakeout(
  app: Taking & Pick<App, 'queue' | 'transfers'>,
  accountId: string,
  input: { readonly projectId?: string | undefined; readonly format: ArchiveFormatName; readonly signal?: AbortSignal },
): Promise<TakeoutState> {
  const { projectId, format, signal } = input;
  const subject = await subjectOf(app, accountId, projectId);
  const id = newId();
  const created = app.clock.now();
  const log = await app.db.transaction(async (tx) => {
    await record(app, tx, 'takeout', { accountId, ...(projectId && { projectId }), subjectId: id }, { format });
    return auditHead(tx, app.keys, accountId);
  });
  const measured = await measure(app, { ...subject, created }, format, log, signal);
  const row: TakeoutRow = {
    id,
    account_id: accountId,
    project_id: projectId ?? null,
    format,
    created,
    until: measured.until,
    used: app.clock.now(),
    log: JSON.stringify(log),
    bytes: measured.bytes,
    sent: 0,
    missing: 0,
    state: 'Open',
  };
  await app.db.transaction(async (tx) => {
    await tx.insertInto('takeouts').values(row).execute();
    const runAt = row.used + takeoutKept;
    await app.queue.enqueue(tx, 'transfers', { accountId }, { once: `transfers/${accountId}`, runAt });
  });
  return stateOf(app, row);
}

/** How many bytes the archive gets, with room to grow, and the latest moment of what it holds. */
async function measure(
  app: Taking,
  subject: Parameters<typeof projectsOf>[1] & { readonly created: Micros },
  format: ArchiveFormatName,
  log: AuditHead,
  signal: AbortSignal | undefined,
): Promise<{ bytes: number; until: Micros }> {
  // A clock that was set back since leaves things that seem to be of the future: they are there all the same.
  let until = subject.created;
  let unfinished = 0;
  const unread = { crc32: 0, sha256: Buffer.alloc(32) };
  const notes = {
    ...freshNotes(log, signal),
    known: (_file: string, bytes: number) => ({ ...unread, bytes, packed: bytes }),
    onRow(row: Readonly<Record<string, unknown>>) {
      until = Math.max(until, Number(row.created ?? 0));
      if (row.status === 'Training' || row.status === 'Exporting') unfinished++;
    },
  };
  const projects = await projectsOf(app, subject, everything);
  const { pack, write } = archiveFormats[format];
  const bytes = await archiveBytes(write(archiveEntries(app, { ...subject, projects }, notes, pack), subject.created));
  return { bytes: bytes + room.least + Math.ceil(bytes * room.part) + unfinished * room.unfinished, until };
}

/** The account's takeouts, latest first. */
export async function listTakeouts(app: Pick<App, 'db' | 'transfers'>, accountId: string): Promise<TakeoutState[]> {
  return (await listTakeoutRows(app.db.query, accountId)).map((row) => stateOf(app, row));
}

/** One of the account's. @throws AppError `NotFound`. */
export async function getTakeout(
  app: Pick<App, 'db' | 'transfers'>,
  accountId: string,
  id: string,
): Promise<TakeoutState> {
  return stateOf(app, await ownTakeout(app, accountId, id));
}

/** Ends a takeout: whoever reads it gets no further byte, and what was written down of it is gone. @throws AppError `NotFound`. */
export async function cancelTakeout(app: Pick<App, 'db' | 'transfers'>, accountId: string, id: string): Promise<void> {
  await ownTakeout(app, accountId, id);
  await app.transfers.takeouts.get(id)?.end();
  await app.db.transaction((tx) => removeTakeouts(tx, [id]));
}

async function ownTakeout(app: Pick<App, 'db'>, accountId: string, id: string): Promise<TakeoutRow> {
  const row = await findTakeout(app.db.query, id);
  if (row?.account_id !== accountId) throw problem('NotFound', 'There is no such takeout.');
  return row;
}

/** What lets whoever has it read this takeout, and nothing else, until it ends. */
export const takeoutToken = (app: Pick<App, 'keys'>, accountId: string, id: string): string =>
  app.keys.lookup({ accountId }, 'takeout-token', id);

/** The takeout of this id, for whoever has its token. @throws AppError `NotFound`, the same for a wrong token. */
export async function takeoutByToken(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  id: string,
  token: string,
): Promise<TakeoutRow> {
  const row = await findTakeout(app.db.query, id);
  if (row !== undefined && app.clock.now() < row.used + takeoutKept && app.keys.has({ accountId: row.account_id })) {
    const [given, right] = [Buffer.from(token), Buffer.from(takeoutToken(app, row.account_id, id))];
    if (given.length === right.length && timingSafeEqual(given, right)) return row;
  }
  throw problem('NotFound', 'There is no such takeout, or its time is over: begin a new one.');
}

function stateOf(app: Pick<App, 'transfers'>, row: TakeoutRow): TakeoutState {
  const sending = app.transfers.takeouts.get(row.id);
  const sent = sending?.at ?? row.sent;
  const idle = sent === row.bytes ? 'Sent' : 'Waiting';
  const seconds = sending === undefined ? 0 : (performance.now() - sending.begun) / 1000;
  const speed = sending === undefined || seconds < 1 ? 0 : (sending.at - sending.from) / seconds;
  return {
    id: row.id,
    projectId: row.project_id,
    format: row.format as ArchiveFormatName,
    created: row.created,
    expires: row.used + takeoutKept,
    state: row.state === 'Changed' ? 'Changed' : sending === undefined ? idle : 'Sending',
    bytes: row.bytes,
    sent,
    secondsLeft: speed === 0 ? null : Math.ceil((row.bytes - sent) / speed),
    missing: row.missing,
  };
}
