import type { Jobs } from '../queue/job.ts';
import type { App } from '../services/context.ts';
import { removeEndedTransfers } from '../services/ended-transfers.ts';

/** Removes an account's takeouts and restores whose time is over, and comes back when the next one's is. */
export async function transfers(app: Pick<App, 'db' | 'clock' | 'queue'>, payload: Jobs['transfers']): Promise<void> {
  await removeEndedTransfers(app, payload.accountId);
}
