import { newId } from '../base/id.ts';
import type { JobName } from '../queue/job.ts';
import type { WorkerParts } from '../queue/worker.ts';
import type { App } from '../services/context.ts';
import { giveUp, handlers } from './handlers.ts';

/** What a worker of `app` is made of that does jobs of these names, of all there are if not told, one of each at a time. */
export const workOf = (
  app: App,
  names: readonly JobName[] = Object.keys(handlers) as JobName[],
): Required<WorkerParts> => ({
  queue: app.queue,
  clock: app.clock,
  log: app.log,
  holder: newId(),
  concurrency: Object.fromEntries(names.map((name) => [name, 1])),
  handle: (name, payload, run) => handlers[name](app, payload, run),
  giveUp: (name, payload) => giveUp[name](app, payload),
});
