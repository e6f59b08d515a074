import { second } from '../base/clock.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { scheduleSweep, sweepExpired } from '../services/retention.ts';

type Keeping = Pick<App, 'db' | 'keys' | 'clock' | 'queue'>;

/** After how long a sweep that failed for good is begun again: well within the hour that is promised. */
const again = 600 * second;

/** Removes a project's predictions and exports whose time is over, and comes back when the next one's is. */
export async function retention(app: Keeping, payload: Jobs['retention'], run: JobRun): Promise<void> {
  try {
    await sweepExpired(app, payload, run.signal);
    await app.db.transaction((tx) => scheduleSweep(app, tx, payload));
  } catch (error) {
    if (run.last && !run.signal.aborted) await retentionFailed(app, payload);
    throw error;
  }
}

/** A sweep that was given up is tried again later: keeping longer than said is not an end it may have. */
export async function retentionFailed(app: Keeping, payload: Jobs['retention']): Promise<void> {
  const runAt = app.clock.now() + again;
  const once = `retention/${payload.projectId}`;
  await app.db.transaction((tx) => app.queue.enqueue(tx, 'retention', payload, { once, runAt }));
}
