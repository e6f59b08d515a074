import { Readable } from 'node:stream';
import { archiveFormats, archivePart } from '../../base/archive-format.ts';
import { AppError } from '../../base/errors.ts';
import type { AuditHead } from '../../domain/audit.ts';
import type { TakeoutRow } from '../../store/schema.ts';
import { updateTakeout } from '../../store/takeouts.ts';
import type { App } from '../context.ts';
import { changed, openLedger } from './ledger.ts';
import { archiveEntries, folderName, freshNotes, projectsOf, subjectOf } from './takeout.ts';
import type { Taking } from './taking.ts';

/** How many bytes of an archive are read, and how to stop. */
export interface Part {
  readonly from: number;
  /** The byte after the last one. */
  readonly to: number;
  readonly signal: AbortSignal;
}

/**
 * The bytes of a takeout from any one on: the same whenever they are asked for, or it fails. Who reads it already is cut
 * off: its connection is broken and nobody has noticed. The archive is made as fast as it is read, and is kept nowhere.
 * @throws AppError `PreconditionFailed` when what was sent before cannot be made again, `NotFoundProject`.
 */
export async function readTakeout(
  app: Taking & Pick<App, 'transfers'>,
  takeout: TakeoutRow,
  { from, to, signal }: Part,
): Promise<Readable> {
  const { id, account_id: accountId, created, until } = takeout;
  if (takeout.state === 'Changed') throw changed();
  await app.transfers.takeouts.get(id)?.end();
  const stop = new AbortController();
  const gone = AbortSignal.any([signal, stop.signal]);
  const subject = await subjectOf(app, accountId, takeout.project_id ?? undefined);
  const projects = await projectsOf(app, subject, until);
  const format = archiveFormats[takeout.format as keyof typeof archiveFormats];
  const ledger = await openLedger(app, { takeout, format, folder: folderName(created), from });
  const notes = {
    ...freshNotes(JSON.parse(takeout.log) as AuditHead, gone),
    until,
    known: ledger.known,
    crc32: format.crc32,
    onMissing: ledger.onMissing,
  };
  const entries = archiveEntries(app, { ...subject, created, projects }, notes, ledger.pack);
  const pieces = archivePart(format.write(ledger.written(entries), created, takeout.bytes), from, to);

  const ended = Promise.withResolvers<void>();
  const sending = {
    from,
    at: from,
    begun: performance.now(),
    async end() {
      stop.abort();
      stream?.destroy();
      await ended.promise;
    },
  };
  let stream: Readable | undefined;
  const finish = async (): Promise<void> => {
    stop.abort();
    await pieces.return(undefined).catch(() => undefined);
    if (app.transfers.takeouts.get(id) === sending) app.transfers.takeouts.delete(id);
    // A full disk may refuse this: then it is told as less than it was.
    await updateTakeout(app.db.query, id, { sent: sending.at, used: app.clock.now() }).catch(() => undefined);
    ended.resolve();
  };
  const failed = async (error: unknown): Promise<unknown> => {
    const grew = error instanceof AppError && error.code === 'ArchiveTooLarge';
    const isChanged = grew || (error instanceof AppError && error.code === 'PreconditionFailed');
    if (isChanged) await updateTakeout(app.db.query, id, { state: 'Changed' });
    return grew ? changed() : error;
  };
  app.transfers.takeouts.set(id, sending);
  // What cannot be gone on with is told before the first byte is promised.
  const first = await pieces.next().catch(async (error: unknown) => {
    await finish();
    throw await failed(error);
  });
  async function* rest(): AsyncGenerator<Uint8Array> {
    try {
      for (let piece = first; !piece.done; piece = await pieces.next()) {
        sending.at += piece.value.length;
        yield piece.value;
      }
    } catch (error) {
      throw await failed(error);
    }
  }
  stream = Readable.from(rest(), { objectMode: false, highWaterMark: 1024 * 1024 });
  stream.once('close', finish);
  if (gone.aborted) stream.destroy();
  return stream;
}
