import type { JobName, JobRun, Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { announce } from './announce.ts';
import { exportFailed, exportModel } from './export.ts';
import { features } from './features.ts';
import { forget, forgettingFailed } from './forget.ts';
import { importFailed, importProject } from './import-project.ts';
import { purge } from './purge.ts';
import { retention, retentionFailed } from './retention.ts';
import { train, trainingFailed } from './train.ts';
import { transfers } from './transfers.ts';
import { trash, trashFailed } from './trash.ts';

/**
 * Does one job. Idempotent: after a crash it is run again with the same payload. Leaves by throwing when `run.signal`
 * is aborted.
 */
export type JobHandler<J extends JobName> = (app: App, payload: Jobs[J], run: JobRun) => Promise<void>;

/** The handler of every job there is. */
export const handlers: { readonly [J in JobName]: JobHandler<J> } = {
  features,
  train,
  'train-network': train,
  forget,
  export: exportModel,
  'import-project': importProject,
  announce,
  retention,
  transfers,
  trash,
  purge,
};

/** What is told to those who wait when a job was given up because its worker died in its last try. */
export const giveUp: { readonly [J in JobName]: (app: App, payload: Jobs[J]) => Promise<void> } = {
  features: async () => undefined,
  train: trainingFailed,
  'train-network': trainingFailed,
  forget: forgettingFailed,
  export: exportFailed,
  'import-project': (app, payload) => importFailed(app, payload),
  announce: async () => undefined,
  retention: retentionFailed,
  transfers: async () => undefined,
  trash: trashFailed,
  purge: async () => undefined,
};
