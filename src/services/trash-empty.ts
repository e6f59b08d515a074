import { setImmediate } from 'node:timers/promises';
import { type Micros, second } from '../base/clock.ts';
import { problem } from '../domain/problems.ts';
import type { Tx } from '../store/database.ts';
import { doomedByItem, keptOfItem } from '../store/doomed.ts';
import type { TrashRow } from '../store/schema.ts';
import { dropItem, gatherOfIteration } from '../store/trash-drop.ts';
import {
  accountsWithTrash,
  deleteTrashItem,
  dueTrash,
  findTrashItem,
  listTrash,
  nextDue,
  redateTrash,
  subjectsOf,
} from '../store/trash-items.ts';
import type { App } from './context.ts';
import { beginErasure } from './receipts.ts';

type Emptying = Pick<App, 'db' | 'keys' | 'clock' | 'queue'>;

/** Items looked up at a time. */
const itemsAtOnce = 50;
/** Ids told to the receipt: one more than it lists, so that it knows when there are too many. */
const idsTold = 257;
/** How far a date may lie ahead before it is taken for the work of a clock that was wrong. */
const clockTolerance: Micros = 3600 * second;

/**
 * In a transaction: begins the erasure of an item of the trash, which cannot be brought back any more. Its receipt has the
 * item's id, and says that it was asked for when it went to the trash.
 */
export async function emptyItem(app: Pick<App, 'keys' | 'clock' | 'queue'>, tx: Tx, item: TrashRow): Promise<void> {
  const { id, kind, account_id: accountId, project_id: projectId } = item;
  const trashed = { id, at: item.trashed };
  if (projectId === null || kind === 'project') {
    const scope = { accountId, ...(projectId === null ? {} : { projectId }) };
    await deleteTrashItem(tx, id);
    await beginErasure(app, tx, { kind, ...scope, trashed });
    await app.queue.cancel(tx, scope);
    await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId ?? accountId}` });
    return;
  }
  const scope = { accountId, projectId };
  const ids = await subjectsOf(tx, item, idsTold);
  if (kind === 'iteration') for (const iterationId of ids) await gatherOfIteration(tx, id, iterationId);
  const erased = Object.fromEntries((await doomedByItem(tx, id)).map((one) => [one.kind, one.count]));
  const kept = await keptOfItem(tx, id);
  await dropItem(tx, scope, id);
  await beginErasure(app, tx, { kind, ...scope, trashed, ids, erased, kept });
  await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${projectId}` });
}

/** Erases one item of the account's trash now. @throws AppError `NotFound`. */
export async function emptyTrashItem(app: Emptying, accountId: string, id: string): Promise<void> {
  await app.db.transaction(async (tx) => {
    const item = await findTrashItem(tx, id);
    if (item?.account_id !== accountId || item.kind === 'account')
      throw problem('NotFound', 'There is no such item in the trash.');
    await emptyItem(app, tx, item);
  });
}

/** Erases everything in the account's trash now; returns the ids of the receipts. What is deleted meanwhile stays in it. */
export async function emptyTrash(app: Emptying, accountId: string): Promise<string[]> {
  const emptied: string[] = [];
  const until = app.clock.now();
  for (let items = await page(); items.length > 0; items = await page())
    for (const { id } of items) if (await emptyStill(app, id)) emptied.push(id);
  return emptied;

  async function page(): Promise<TrashRow[]> {
    const items = await listTrash(app.db.query, accountId, { take: itemsAtOnce, skip: 0, until });
    return items.filter((item) => item.kind !== 'account');
  }
}

/** Empties an item if it is still there; interrupted between two items, each is either whole or gone. */
async function emptyStill(app: Emptying, id: string): Promise<boolean> {
  await setImmediate();
  return app.db.transaction(async (tx) => {
    const item = await findTrashItem(tx, id);
    if (item !== undefined) await emptyItem(app, tx, item);
    return item !== undefined;
  });
}

/** In the transaction that puts something into an account's trash, or after a sweep: has the next item erased when it is due. */
export async function scheduleTrash(app: Pick<App, 'queue'>, tx: Tx, accountId: string): Promise<void> {
  const runAt = await nextDue(tx, accountId);
  if (runAt !== undefined) await app.queue.enqueue(tx, 'trash', { accountId }, { once: `trash/${accountId}`, runAt });
}

/** Begins the erasure of what is due in an account's trash; returns how many items. */
export async function sweepTrash(app: Emptying, accountId: string, signal?: AbortSignal): Promise<number> {
  const now = app.clock.now();
  await app.db.transaction((tx) => redateTrash(tx, accountId, now + clockTolerance, now));
  let emptied = 0;
  for (;;) {
    const items = await dueTrash(app.db.query, accountId, now, itemsAtOnce);
    if (items.length === 0) return emptied;
    for (const { id } of items) {
      signal?.throwIfAborted();
      if (await emptyStill(app, id)) emptied++;
    }
  }
}

/**
 * For the start of the only server, before it takes requests: erases what became due while no server ran, and plans the
 * next erasure of each account anew, since the clock may have been set since it was planned.
 */
export async function resumeTrash(app: Emptying): Promise<void> {
  for (const accountId of await accountsWithTrash(app.db.query)) {
    await sweepTrash(app, accountId);
    await app.db.transaction(async (tx) => {
      await app.queue.cancel(tx, { accountId, jobName: 'trash' });
      await scheduleTrash(app, tx, accountId);
    });
  }
}
