import type { OpenApp } from '../app.ts';
import { workOf } from '../jobs/work.ts';
import type { JobName } from '../queue/job.ts';
import { startWorker } from '../queue/worker.ts';
import { tryLock } from './try-lock.ts';

/**
 * Does jobs of these names in this process, unless a server of the same data runs, which does them. Returns what ends it.
 */
export function workUnlessServed(app: OpenApp, names: readonly JobName[]): () => Promise<void> {
  const unlock = tryLock(app, 'server.lock');
  if (unlock === undefined) return async () => undefined;
  const worker = startWorker(workOf(app, names));
  return async () => {
    await worker.stop();
    unlock();
  };
}
