import { second } from '../base/clock.ts';
import type { JobRun, Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { scheduleTrash, sweepTrash } from '../services/trash-empty.ts';

type Emptying = Pick<App, 'db' | 'keys' | 'clock' | 'queue'>;

/** After how long a sweep that failed for good is begun again. */
const again = 600 * second;

/** Has what is due in an account's trash erased, and comes back when the next is. */
export async function trash(app: Emptying, payload: Jobs['trash'], run: JobRun): Promise<void> {
  try {
    await sweepTrash(app, payload.accountId, run.signal);
    await app.db.transaction((tx) => scheduleTrash(app, tx, payload.accountId));
  } catch (error) {
    if (run.last && !run.signal.aborted) await trashFailed(app, payload);
    throw error;
  }
}

/** A sweep that was given up is tried again later: keeping longer than said is not an end it may have. */
export async function trashFailed(app: Emptying, { accountId }: Jobs['trash']): Promise<void> {
  const runAt = app.clock.now() + again;
  await app.db.transaction((tx) =>
    app.queue.enqueue(tx, 'trash', { accountId }, { once: `trash/${accountId}`, runAt }),
  );
}
