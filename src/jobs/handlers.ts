import type { JobName, JobRun, Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { exportModel } from './export.ts';
import { features } from './features.ts';
import { purge } from './purge.ts';
import { train } from './train.ts';

/** Does one job. Idempotent: after a crash it is run again with the same payload. Leaves by throwing when `run.signal` is aborted. */
export type JobHandler<J extends JobName> = (app: App, payload: Jobs[J], run: JobRun) => Promise<void>;

/** The handler of every job there is. */
export const handlers: { readonly [J in JobName]: JobHandler<J> } = { features, train, export: exportModel, purge };
