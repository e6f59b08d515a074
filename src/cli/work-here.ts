import type { OpenApp } from '../app.ts';
import { newId } from '../base/id.ts';
import { giveUp, handlers } from '../jobs/handlers.ts';
import type { JobName } from '../queue/job.ts';
import { startWorker } from '../queue/worker.ts';
import { tryLock } from './try-lock.ts';

/**
 * Does jobs of these names in this process, unless a server of the same data runs, which does them. Returns what ends it.
 */
export function workUnlessServed(app: OpenApp, names: readonly JobName[]): () => Promise<void> {
  const unlock = tryLock(app, 'server.lock');
  if (unlock === undefined) return async () => undefined;
  const training = { train: 0, 'train-network': 0, forget: 0 };
  const none = { ...training, features: 0, export: 0, retention: 0, trash: 0, transfers: 0, purge: 0 };
  const worker = startWorker({
    queue: app.queue,
    clock: app.clock,
    log: app.log,
    holder: newId(),
    concurrency: { ...none, ...Object.fromEntries(names.map((name) => [name, 1])) },
    handle: (name, payload, run) => handlers[name](app, payload, run),
    giveUp: (name, payload) => giveUp[name](app, payload),
  });
  return async () => {
    await worker.stop();
    unlock();
  };
}
