import { accessSync, constants } from 'node:fs';
import type { Server } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { environmentFor } from '../config.ts';

/** The process that started this one. Taken at the start: it may be gone by the time it is asked for. */
const parent = process.ppid;

/** Whether this process can be replaced by a new one of the same id: not on Windows, nor when its program is gone. */
export function canBeginAnew(): boolean {
  try {
    accessSync(process.execPath, constants.X_OK);
    return process.platform !== 'win32' && process.execve !== undefined;
  } catch {
    return false;
  }
}

/**
 * Replaces this process by the same command in a new one, on `port`: same process id, same streams, nothing of its memory.
 * Everything must be closed. Does not return; ends the process when the system refuses.
 */
export function beginAnew(port: number): never {
  const command = [process.argv0, ...process.execArgv, ...process.argv.slice(1)];
  try {
    process.execve!(process.execPath, command, environmentFor({ port, parent }));
  } catch (error) {
    process.stderr.write(
      `Ownsight: the server has stopped and cannot begin anew (${(error as Error).message}): start it again\n`,
    );
  }
  process.exit(1);
}

/** What is asked of a server. */
export interface Asked {
  /** Requests that are not answered yet. */
  readonly open: number;
  /** When the last one came or was answered, in ms of `performance.now()`. */
  readonly last: number;
}

/** Counts what is asked of a server from now on. */
export function countRequests(server: Server): Asked {
  const asked = { open: 0, last: Number.NEGATIVE_INFINITY };
  server.on('request', (_request, response) => {
    asked.open++;
    asked.last = performance.now();
    response.once('close', () => {
      asked.open--;
      asked.last = performance.now();
    });
  });
  return asked;
}

/** How long {@link whenCalm} waits, ms. */
export interface Patience {
  /** Without any request. */
  readonly quiet: number;
  /** For such a pause, when there is none. */
  readonly noise: number;
  /** For work and requests under way. */
  readonly work: number;
}

/** Resolves when nobody has asked for anything for a while and nothing is under way; sooner or later it does, whatever happens. */
export async function whenCalm(asked: Asked, isWorking: () => boolean, patience: Patience): Promise<void> {
  const begun = performance.now();
  const lookEvery = Math.min(patience.quiet, 1000);
  for (;;) {
    const now = performance.now();
    const calmAt = Math.min(Math.max(asked.last, begun) + patience.quiet, begun + patience.noise);
    const isBusy = asked.open > 0 || isWorking();
    if (now >= begun + patience.work || (!isBusy && now >= calmAt)) return;
    await pause(isBusy ? lookEvery : calmAt - now, undefined, { ref: false });
  }
}
