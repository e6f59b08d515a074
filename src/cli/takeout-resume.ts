import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { OpenApp } from '../app.ts';
import type { ArchiveFormatName } from '../base/archive-format.ts';
import { AppError, expected } from '../base/errors.ts';
import { isId } from '../base/id.ts';
import { saveStream } from '../base/save-stream.ts';
import { readTakeout } from '../services/takeout/reading.ts';
import {
  beginTakeout,
  cancelTakeout,
  getTakeout,
  type TakeoutState,
  takeoutByToken,
  takeoutToken,
} from '../services/takeout/takeouts.ts';

/** What is taken out, and to which file. */
export interface ResumableTakeout {
  readonly accountId: string;
  readonly projectId: string | undefined;
  readonly format: ArchiveFormatName;
  readonly out: string;
  /** Called now and then. */
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Takes out to a file, going on where an earlier call for the same broke off: what there is of it lies beside the file, as
 * `<file>.<takeout>.part`. Begins anew when that takeout is over. Returns where it went on, and how many files are missing.
 * @throws AppError `PreconditionFailed` when what was written already has changed since: the next call begins anew.
 */
export async function resumeTakeout(
  app: OpenApp,
  { accountId, projectId, format, out, onProgress }: ResumableTakeout,
): Promise<{ readonly from: number; readonly missing: number }> {
  const target = resolve(out);
  const begun = await lastPart(app, accountId, target, projectId, format);
  const { id, bytes } = begun ?? (await beginTakeout(app, accountId, { projectId, format }));
  const part = partOf(target, id);
  const from = existsSync(part) ? statSync(part).size : 0;
  if (from < bytes) {
    const takeout = await takeoutByToken(app, id, takeoutToken(app, accountId, id));
    const stream = await readTakeout(app, takeout, { from, to: bytes, signal: new AbortController().signal });
    stream.on('data', () => onProgress(app.transfers.takeouts.get(id)?.at ?? bytes, bytes));
    await saveStream(stream, part, 'a');
    const { size } = statSync(part);
    if (size !== bytes) throw new Error(expected(`${bytes} bytes`, part, `${size}: did another command write to it?`));
  }
  const { missing } = await getTakeout(app, accountId, id);
  renameSync(part, target);
  await cancelTakeout(app, accountId, id);
  return { from, missing };
}

const partOf = (target: string, id: string): string => `${target}.${id}.part`;

/** The takeout of which a part lies beside the file; parts of those that are over are removed. */
async function lastPart(
  app: OpenApp,
  accountId: string,
  target: string,
  projectId: string | undefined,
  format: ArchiveFormatName,
): Promise<TakeoutState | undefined> {
  const folder = dirname(target);
  for (const name of readdirSync(folder)) {
    const id = name.slice(basename(target).length + 1, -'.part'.length);
    if (!isId(id) || join(folder, name) !== partOf(target, id)) continue;
    try {
      const takeout = await getTakeout(app, accountId, id);
      if (takeout.projectId !== (projectId ?? null) || takeout.format !== format) continue;
      const isOpen = takeout.state !== 'Changed' && takeout.expires > app.clock.now();
      if (isOpen && statSync(join(folder, name)).size <= takeout.bytes) return takeout;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'NotFound') throw error;
    }
    rmSync(join(folder, name));
  }
  return undefined;
}
