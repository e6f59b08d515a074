import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Micros } from '../../base/clock.ts';
import { AppError } from '../../base/errors.ts';
import { newId } from '../../base/id.ts';
import type { Source } from '../../base/source.ts';
import { spool } from '../../base/spool.ts';
import { problem } from '../../domain/problems.ts';
import { findRestore, isRestoring, listRestoreRows } from '../../store/restores.ts';
import type { RestoreRow } from '../../store/schema.ts';
import { openText } from '../../store/sealed.ts';
import { storageError } from '../../store/storage-full.ts';
import type { App } from '../context.ts';
import { beginLease, endLease, reasonOf, renewing, type Told } from './lease.ts';
import { putBack, type RestoredProject } from './restore.ts';
import type { Restoring } from './restore-project.ts';

type Hosting = Restoring & Pick<App, 'config' | 'transfers' | 'log'>;

/** Where archives lie while they are put back, encrypted. */
export const spoolFolder = (app: Pick<App, 'config'>): string => join(app.config.home, 'spool');

/** How a restore is. */
export interface RestoreState {
  readonly id: string;
  readonly created: Micros;
  readonly state: RestoreRow['state'];
  /** Of the step it is in; `null` when this process does not do it. */
  readonly doneBytes: number | null;
  readonly totalBytes: number | null;
  /** The projects that are back, and those that were there already. */
  readonly projects: readonly RestoredProject[];
  /** How many files the archive itself says it lacks. */
  readonly missing: number;
  /** Why it failed, naming the entry of the archive where it is one. */
  readonly reason: string | null;
}

/**
 * Takes an archive in, to an encrypted file that no other process can read, and begins to put it back into the account.
 * Resolves when all of it is here; what comes of it is told by {@link getRestore}.
 * @throws AppError `Conflict` when something is being put back already, `ErrorStorageFull`; then nothing is left.
 */
export async function beginRestore(app: Hosting, accountId: string, body: Readable): Promise<RestoreState> {
  if (await isRestoring(app.db.query, accountId, app.clock.now()))
    throw problem('Conflict', 'Something is being put back into this account already: wait until it ends.');
  const id = newId();
  const folder = spoolFolder(app);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Whoever sends it is to read why it was not taken, so the stream outlives a failure.
  const source = await spool(join(folder, id), body.iterator({ destroyOnReturn: false })).catch((error: unknown) => {
    throw storageError(error);
  });
  try {
    await app.db.transaction((tx) => beginLease(app, tx, { id, accountId, holder: 'server', state: 'Checking' }));
  } catch (error) {
    await source.close();
    throw error;
  }
  const stop = new AbortController();
  const receiving = {
    progress: { step: 'checking' as 'checking' | 'writing', doneBytes: 0, totalBytes: source.bytes },
    async end(reason: AppError) {
      stop.abort(reason);
      await ended;
    },
  };
  app.transfers.restores.set(id, receiving);
  const ended = perform(app, { id, accountId, source, signal: stop.signal, receiving });
  return getRestore(app, accountId, id);
}

async function perform(
  app: Hosting,
  work: {
    readonly id: string;
    readonly accountId: string;
    readonly source: Source;
    readonly signal: AbortSignal;
    readonly receiving: { progress: { step: 'checking' | 'writing'; doneBytes: number; totalBytes: number } };
  },
): Promise<void> {
  const { id, accountId, source, signal, receiving } = work;
  const stopRenewing = renewing(app, id);
  let state: RestoreRow['state'] = 'Done';
  let told: Told = { projects: [], missing: 0 };
  try {
    const restored = await putBack(app, {
      id,
      accountId,
      source,
      signal,
      onProgress: (progress) => {
        receiving.progress = progress;
      },
    });
    told = { projects: restored.projects, missing: restored.missing.length };
  } catch (error) {
    const reason = signal.aborted ? signal.reason : storageError(error);
    state = reason instanceof AppError && reason.code === 'Cancelled' ? 'Cancelled' : 'Failed';
    told = { ...told, reason: reasonOf(reason) };
    if (!(reason instanceof AppError)) app.log.error('restore-failed', reason, { restore: id });
  }
  stopRenewing();
  // When the account is gone there is nobody to tell.
  await endLease(app, { id, accountId, state, told }).catch(() => undefined);
  app.transfers.restores.delete(id);
}

const interrupted = 'It was interrupted before its end: send it again. What is back already is left as it is.';

/** The account's restores, latest first. */
export async function listRestores(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'transfers'>,
  accountId: string,
): Promise<RestoreState[]> {
  return (await listRestoreRows(app.db.query, accountId)).map((row) => stateOf(app, row));
}

/** One of them. @throws AppError `NotFound`. */
export async function getRestore(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'transfers'>,
  accountId: string,
  id: string,
): Promise<RestoreState> {
  const row = await findRestore(app.db.query, id);
  if (row?.account_id !== accountId) throw problem('NotFound', 'There is no such restore.');
  return stateOf(app, row);
}

/**
 * Ends a restore of this server: projects that are back stay, what is there of the next one is removed.
 * @throws AppError `NotFound`, `Conflict` for one that a command does.
 */
export async function cancelRestore(
  app: Pick<App, 'db' | 'keys' | 'clock' | 'transfers'>,
  accountId: string,
  id: string,
): Promise<void> {
  const { state } = await getRestore(app, accountId, id);
  if (state !== 'Checking' && state !== 'Restoring') return;
  const receiving = app.transfers.restores.get(id);
  if (receiving === undefined) throw problem('Conflict', 'It is put back by a command: end that command.');
  await receiving.end(new AppError('Cancelled', 'It was cancelled.'));
}

/** For the end of a server: ends what it is putting back. */
export async function interruptRestores(app: Pick<App, 'transfers'>): Promise<void> {
  const all = [...app.transfers.restores.values()];
  await Promise.all(all.map((one) => one.end(new AppError('Interrupted', interrupted))));
}

/** For the start of the only server: removes files that the one before may have left; nobody can read them any more. */
export const clearSpool = (app: Pick<App, 'config'>): Promise<void> =>
  rm(spoolFolder(app), { recursive: true, force: true });

function stateOf(app: Pick<App, 'keys' | 'clock' | 'transfers'>, row: RestoreRow): RestoreState {
  const { id, account_id: accountId, created, result } = row;
  const progress = app.transfers.restores.get(id)?.progress;
  const isUnderWay = row.state === 'Checking' || row.state === 'Restoring';
  const isDead = isUnderWay && progress === undefined && row.lease <= app.clock.now();
  const told =
    result === null
      ? undefined
      : (JSON.parse(openText(app.keys, { accountId }, 'restores.result', id, result)) as Told);
  const state = isDead ? 'Failed' : row.state;
  return {
    id,
    created,
    state,
    doneBytes: progress?.doneBytes ?? null,
    totalBytes: progress?.totalBytes ?? null,
    projects: told?.projects ?? [],
    missing: told?.missing ?? 0,
    reason: told?.reason?.message ?? (state === 'Failed' ? interrupted : null),
  };
}
