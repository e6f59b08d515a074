import { day, type Micros, second } from '../base/clock.ts';
import { endedRestores, redateRestores, removeRestores } from '../store/restores.ts';
import { listTakeoutRows, redateTakeouts, removeTakeouts, unusedTakeouts } from '../store/takeouts.ts';
import type { App } from './context.ts';

/** How long a takeout is kept after it was read last, and a restore after it ended. */
const kept: Micros = day;
/** How far a date may lie ahead before it is taken for the work of a clock that was wrong. */
const clockTolerance: Micros = 3600 * second;

/** Removes what is past its time, and plans the next removal. */
export async function removeEndedTransfers(app: Pick<App, 'db' | 'clock' | 'queue'>, accountId: string): Promise<void> {
  await app.db.transaction(async (tx) => {
    const now = app.clock.now();
    await redateTakeouts(tx, accountId, now + clockTolerance, now);
    await redateRestores(tx, accountId, now + clockTolerance, now);
    const since = now - kept;
    await removeTakeouts(tx, await unusedTakeouts(tx, accountId, since));
    const restores = await endedRestores(tx, accountId);
    await removeRestores(
      tx,
      restores.filter((row) => row.lease <= since).map((row) => row.id),
    );
    const left = [
      ...(await listTakeoutRows(tx, accountId)).map((row) => row.used),
      ...restores.map((row) => row.lease).filter((ended) => ended > since),
    ];
    if (left.length === 0) return;
    const runAt = Math.min(...left) + kept + 1;
    await app.queue.enqueue(tx, 'transfers', { accountId }, { once: `transfers/${accountId}`, runAt });
  });
}
