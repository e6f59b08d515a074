import { type Clock, day, type Micros, second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import type { Database, Queries, Tx } from '../store/database.ts';
import type { JobRow } from '../store/schema.ts';
import type { JobName, Jobs } from './job.ts';
import type { ClaimedJob, Queue, WakeReason } from './queue.ts';

/** How patient the queue is. */
export interface QueuePatience {
  /** How long a claim holds without a heartbeat. Default 30 s. */
  readonly lease: Micros;
  /** How often a job is tried. Default 5. */
  readonly attempts: number;
  /** The pause after the first failure; each further one is four times as long. Default 1 s. */
  readonly pause: Micros;
}

/** How long the row of a job that failed for good stays. */
const failedKept = 30 * day;

/** A queue for one server process. */
export interface EmbeddedQueue extends Queue {
  /** Gives every running job back at once, its attempt counted: for the start of the only server, when no worker can be alive. What waits for a moment that a wrong clock chose becomes due. */
  releaseAll(): Promise<void>;
  /** Makes jobs of this name due at once that were put off over a minute ago, by a process that has ended since, and lets failed ones begin anew. */
  hasten(name: JobName): Promise<void>;
}

/** The queue as a table of the database itself, so that work and data change in one transaction. */
export function sqliteQueue(db: Database, clock: Clock, patience: Partial<QueuePatience> = {}): EmbeddedQueue {
  const { lease, attempts, pause }: QueuePatience = { lease: 30 * second, attempts: 5, pause: second, ...patience };
  const sleepers = new Set<(reason: WakeReason) => void>();
  // Waiters wake before the transaction commits; what they do next is a write, which waits for it.
  const wake = (reason: WakeReason): void => {
    for (const sleeper of [...sleepers]) sleeper(reason);
  };
  const ours = (tx: Queries, id: string, holder: string): Promise<JobRow | undefined> =>
    tx
      .selectFrom('jobs')
      .selectAll()
      .where('id', '=', id)
      .where('lease_holder', '=', holder)
      .where('state', '=', 'running')
      .executeTakeFirst();

  return {
    async enqueue(tx, name, payload, options = {}) {
      const once = options.once ?? null;
      const now = clock.now();
      const runAt = options.runAt ?? now;
      const waiting = once === null ? undefined : await waitingOnce(tx, once);
      if (waiting !== undefined) {
        // It may wait out the pause after a failure, which is no reason to let new work wait.
        const hastened = await tx
          .updateTable('jobs')
          .set({ run_at: runAt, attempts: 0, modified: now })
          .where('id', '=', waiting)
          .where('run_at', '>', runAt)
          .executeTakeFirst();
        if (hastened.numUpdatedRows > 0n) wake('enqueued');
        return waiting;
      }
      const id = newId();
      await tx
        .insertInto('jobs')
        .values({
          id,
          account_id: payload.accountId,
          project_id: payload.projectId ?? null,
          name,
          payload: JSON.stringify(payload),
          state: 'waiting',
          once,
          attempts: 0,
          run_at: runAt,
          lease_until: null,
          lease_holder: null,
          cancel_requested: 0,
          progress: 0,
          error: null,
          created: now,
          modified: now,
        })
        .execute();
      wake('enqueued');
      return id;
    },

    async claim(holder, names) {
      if (names.length === 0) return undefined;
      const now = clock.now();
      const row = await db.query
        .updateTable('jobs')
        .set((set) => ({
          state: 'running',
          lease_holder: holder,
          lease_until: now + lease,
          attempts: set('attempts', '+', 1),
          modified: now,
        }))
        .where('id', '=', (at) =>
          at
            .selectFrom('jobs')
            .select('id')
            .where('name', 'in', [...names])
            .where((when) =>
              when.or([
                when.and([when('state', '=', 'waiting'), when('run_at', '<=', now)]),
                when.and([when('state', '=', 'running'), when('lease_until', '<', now)]),
              ]),
            )
            .orderBy('run_at')
            .orderBy('id')
            .limit(1),
        )
        .returningAll()
        .executeTakeFirst();
      return row && claimed(row, attempts);
    },

    async heartbeat(id, holder, progress) {
      const now = clock.now();
      const row = await db.query
        .updateTable('jobs')
        .set({ lease_until: now + lease, progress, modified: now })
        .where('id', '=', id)
        .where('lease_holder', '=', holder)
        .where('state', '=', 'running')
        .returning('cancel_requested')
        .executeTakeFirst();
      if (row === undefined) return 'lost';
      return row.cancel_requested === 1 ? 'cancel' : 'ours';
    },

    async holds(tx, id, holder) {
      return (await ours(tx, id, holder))?.cancel_requested === 0;
    },

    finish: (id, holder, outcome) =>
      db.transaction(async (tx) => {
        const row = await ours(tx, id, holder);
        if (row === undefined) return;
        const now = clock.now();
        if ('error' in outcome) {
          const changes = { error: outcome.error, modified: now };
          if (outcome.state === 'retry' && row.attempts < attempts)
            await wait(tx, row, { ...changes, run_at: now + pause * 4 ** (row.attempts - 1) });
          else await giveUp(tx, id, changes);
        } else if (outcome.state === 'released')
          await wait(tx, row, { attempts: row.attempts - 1, run_at: row.run_at, modified: now });
        else {
          await remove(tx, id);
          if (outcome.state === 'done' && row.once !== null)
            await tx.deleteFrom('jobs').where('state', '=', 'failed').where('once', '=', row.once).execute();
        }
        await tx
          .deleteFrom('jobs')
          .where('state', '=', 'failed')
          .where('modified', '<', now - failedKept)
          .execute();
      }),

    async cancel(tx, scope) {
      const concerned = (state: 'waiting' | 'running') => {
        let rows = tx
          .selectFrom('jobs')
          .select('id')
          .where('account_id', '=', scope.accountId)
          .where('state', '=', state);
        if (scope.projectId !== undefined) rows = rows.where('project_id', '=', scope.projectId);
        rows = rows.where('name', scope.jobName === undefined ? '!=' : '=', scope.jobName ?? 'purge');
        if (scope.iterationId !== undefined)
          rows = rows.where('payload', 'like', `%"iterationId":"${scope.iterationId}"%`);
        return rows;
      };
      await tx.deleteFrom('jobs').where('id', 'in', concerned('waiting')).execute();
      await tx.updateTable('jobs').set({ cancel_requested: 1 }).where('id', 'in', concerned('running')).execute();
      wake('cancelled');
    },

    wait(timeoutMs, signal) {
      const { promise, resolve } = Promise.withResolvers<WakeReason>();
      const end = (reason: WakeReason): void => {
        clearTimeout(timer);
        sleepers.delete(end);
        signal.removeEventListener('abort', aborted);
        resolve(reason);
      };
      const aborted = (): void => end('timeout');
      const timer = setTimeout(end, timeoutMs, 'timeout');
      sleepers.add(end);
      signal.addEventListener('abort', aborted);
      if (signal.aborted) aborted();
      return promise;
    },

    releaseAll: () =>
      db.transaction(async (tx) => {
        const rows = await tx.selectFrom('jobs').selectAll().where('state', '=', 'running').execute();
        for (const row of rows) {
          if (row.cancel_requested === 1) await remove(tx, row.id);
          else await wait(tx, row, { modified: clock.now() });
        }
        // Made by a clock that has been set back since: nobody knows when these would be due.
        const now = clock.now();
        await tx
          .updateTable('jobs')
          .set({ run_at: now, created: now, modified: now })
          .where('state', '=', 'waiting')
          .where('created', '>', now)
          .execute();
        wake('enqueued');
      }),

    async hasten(name) {
      const now = clock.now();
      await db.transaction(async (tx) => {
        await tx
          .updateTable('jobs')
          .set({ run_at: now })
          .where('name', '=', name)
          .where('state', '=', 'waiting')
          .where('created', '<', now - 60 * second)
          .execute();
        const failed = tx.selectFrom('jobs').selectAll().where('name', '=', name).where('state', '=', 'failed');
        for (const row of await failed.execute())
          await wait(tx, row, { attempts: 0, error: null, run_at: now, modified: now });
      });
      wake('enqueued');
    },
  };
}

const claimed = (row: JobRow, attempts: number): ClaimedJob => ({
  id: row.id,
  name: row.name as JobName,
  payload: JSON.parse(row.payload) as Jobs[JobName],
  attempt: row.attempts,
  attempts,
  cancelled: row.cancel_requested === 1,
  leaseUntil: row.lease_until!,
});

const remove = (tx: Tx, id: string) => tx.deleteFrom('jobs').where('id', '=', id).execute();

const giveUp = (tx: Tx, id: string, changes: Partial<JobRow>) =>
  tx
    .updateTable('jobs')
    .set({ ...changes, state: 'failed', lease_holder: null, lease_until: null })
    .where('id', '=', id)
    .execute();

async function waitingOnce(tx: Tx, once: string): Promise<string | undefined> {
  const row = await tx
    .selectFrom('jobs')
    .select('id')
    .where('once', '=', once)
    .where('state', '=', 'waiting')
    .executeTakeFirst();
  return row?.id;
}

/** Lets a running job wait again; unless another one waits that will do its work. */
async function wait(tx: Tx, row: JobRow, changes: Partial<JobRow>): Promise<void> {
  if (row.once !== null && (await waitingOnce(tx, row.once)) !== undefined) {
    await remove(tx, row.id);
    return;
  }
  await tx
    .updateTable('jobs')
    .set({ state: 'waiting', lease_holder: null, lease_until: null, progress: 0, ...changes })
    .where('id', '=', row.id)
    .execute();
}
