/** Whatever the server's clock does between two starts: nothing is kept longer than said by it, and nothing goes sooner. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { day, type Micros, second } from '../../src/base/clock.ts';
import { newId } from '../../src/base/id.ts';
import { readConfig } from '../../src/config.ts';
import { purge } from '../../src/jobs/purge.ts';
import { retention } from '../../src/jobs/retention.ts';
import { transfers } from '../../src/jobs/transfers.ts';
import { trash } from '../../src/jobs/trash.ts';
import type { Jobs } from '../../src/queue/job.ts';
import { deleteNamedAccount } from '../../src/services/account-deletion.ts';
import { createModels } from '../../src/services/models.ts';
import { deleteProject } from '../../src/services/projects.ts';
import { recover } from '../../src/services/recovery.ts';
import { setRetention } from '../../src/services/retention.ts';
import { discard } from '../../src/services/trash.ts';
import { jobRun } from '../fixtures/run.ts';
import { startServer } from '../fixtures/server.ts';
import { plantAccount, plantProject, type Stores, temporaryFolder, testStores } from '../fixtures/stores.ts';

const hour = 3600 * second;
const running = jobRun();
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** How long what is planted is kept by docs/data.md, and by the settings here. */
const kept: Readonly<Record<string, Micros>> = {
  'deleted project': 0,
  takeout: day,
  'restore that ended': day,
  'account that can be undone': 5 * day,
  'images in the trash': 7 * day,
  export: 20 * day,
  prediction: 30 * day,
};

/** A takeout that nobody has read yet and a restore that has ended, planned to go as those that were asked for. */
async function plantTransfers({ db, queue, clock }: Stores, accountId: string): Promise<void> {
  const [id, used] = [newId(), clock.now()];
  await db.transaction(async (tx) => {
    const size = { bytes: 1, sent: 0, missing: 0 };
    const row = {
      id,
      account_id: accountId,
      project_id: null,
      format: 'zip' as const,
      created: used,
      until: used,
      used,
    };
    await tx
      .insertInto('takeouts')
      .values({ ...row, ...size, log: '{}', state: 'Open' })
      .execute();
    const ended = { id, account_id: accountId, project_id: null, holder: 'server' as const, state: 'Done' as const };
    await tx
      .insertInto('restores')
      .values({ ...ended, created: used, lease: used, result: null })
      .execute();
    await queue.enqueue(tx, 'transfers', { accountId }, { once: `transfers/${accountId}`, runAt: used + day });
  });
}

/** Something of each kind that has an end; `now` is when all of it began. */
async function plantedAll(t: TestContext) {
  const stores = await testStores(t);
  const app = { ...stores, log, config: readConfig({}), models: createModels(stores) };
  const accountId = await plantAccount(stores);
  const project = await plantProject(stores, accountId);
  const doomed = await plantProject(stores, accountId);
  const leaving = await plantAccount(stores);
  await setRetention(app, project, { exportsDays: 20 });
  const begun = app.clock.now();
  await plantTransfers(app, accountId);
  const images = { imageIds: project.imageIds.slice(0, 1), allImages: false, allIterations: true };
  await discard(app, project, { kind: 'images', ...images }, { now: false, by: 'command', language: 'en' });
  await deleteNamedAccount(app, leaving, 'content of accounts.user_name', { undoDays: 5, by: 'command' });
  await deleteProject(app, doomed);
  const there = async (): Promise<string[]> => {
    const { query } = app.db;
    const found: Record<string, readonly { id: string }[]> = {
      'deleted project': await query.selectFrom('projects').select('id').where('id', '=', doomed.projectId).execute(),
      takeout: await query.selectFrom('takeouts').select('id').execute(),
      'restore that ended': await query.selectFrom('restores').select('id').execute(),
      'account that can be undone': await query.selectFrom('accounts').select('id').where('id', '=', leaving).execute(),
      'images in the trash': await query.selectFrom('trash').select('id').where('kind', '=', 'images').execute(),
      export: await query.selectFrom('exports').select('id').where('project_id', '=', project.projectId).execute(),
      prediction: await query
        .selectFrom('predictions')
        .select('id')
        .where('project_id', '=', project.projectId)
        .execute(),
    };
    return Object.keys(found).filter((name) => found[name]!.length > 0);
  };
  /** What a worker does that looks for work now. */
  const work = async (): Promise<void> => {
    const { queue } = app;
    const names = ['retention', 'trash', 'transfers', 'purge'] as const;
    for (let job = await queue.claim('worker', names); job; job = await queue.claim('worker', names)) {
      if (job.name === 'retention') await retention(app, job.payload as Jobs['retention'], running);
      else if (job.name === 'trash') await trash(app, job.payload as Jobs['trash'], running);
      else if (job.name === 'transfers') await transfers(app, job.payload as Jobs['transfers']);
      else await purge(app, job.payload as Jobs['purge'], running);
      await queue.finish(job.id, 'worker', { state: 'done' });
    }
  };
  return { app, begun, there, work };
}

/** Runs for 40 days from `from`, with three restarts; each thing must be there until it is due, and gone an hour later. */
async function assertKept({ app, there, work }: Awaited<ReturnType<typeof plantedAll>>, from: Micros): Promise<void> {
  const restarts = [0.4, 6.9, 19.6].map((days) => from + days * day);
  const wrong = new Set<string>();
  const end = from + 40 * day;
  while (app.clock.now() < end) {
    const now = app.clock.now();
    if (restarts.length > 0 && restarts[0]! <= now) {
      restarts.shift();
      await recover(app);
    }
    await work();
    const seen = await there();
    for (const [name, time] of Object.entries(kept)) {
      if (now < from + time && !seen.includes(name)) wrong.add(`${name}: gone too soon`);
      if (now >= from + time + hour && seen.includes(name)) wrong.add(`${name}: kept too long`);
    }
    app.clock.turn(hour);
  }
  assert.deepEqual([...wrong], []);
}

test('three restarts change nothing about when each thing goes', async (t) => {
  const planted = await plantedAll(t);
  await assertKept(planted, planted.begun);
});

test('a clock set back a year: the time of each thing begins anew, and no year is added', async (t) => {
  const planted = await plantedAll(t);
  planted.app.clock.turn(-365 * day);
  const from = planted.app.clock.now();
  await recover(planted.app);
  await assertKept(planted, from);
});

test('a clock set forward a month: what is due by it goes at the next start, the rest has its time', async (t) => {
  const planted = await plantedAll(t);
  planted.app.clock.turn(29 * day);
  await recover(planted.app);
  await planted.work();
  assert.deepEqual(await planted.there(), ['prediction']);
  planted.app.clock.turn(day - hour);
  await recover(planted.app);
  await planted.work();
  assert.deepEqual(await planted.there(), ['prediction']);
  planted.app.clock.turn(2 * hour);
  await planted.work();
  assert.deepEqual(await planted.there(), []);
});

test('a server in another time zone keeps what is there for as long as before, whatever zone it was stored in', async (t) => {
  const home = join(temporaryFolder(t), 'data');
  const zones = ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'America/Sao_Paulo', 'UTC'];
  const seen: unknown[] = [];
  for (const TZ of zones) {
    const server = await startServer({ home, env: { TZ } });
    try {
      const ask = async (method: string, path: string): Promise<unknown> => {
        const answer = await fetch(server.endpoint + path, { method, headers: { 'Training-Key': server.trainingKey } });
        const text = await answer.text();
        assert.ok(answer.ok, `${TZ}: ${method} ${path}: ${text}`);
        return JSON.parse(text);
      };
      if (seen.length === 0) {
        const { id } = (await ask('POST', '/customvision/v3.3/training/projects?name=kept')) as { id: string };
        await ask('DELETE', `/ownsight/v1/projects/${id}`);
        await ask('POST', '/ownsight/v1/takeouts');
      }
      const { items } = (await ask('GET', '/ownsight/v1/trash')) as { items: { due: string; trashed: string }[] };
      assert.equal(Date.parse(items[0]!.due) - Date.parse(items[0]!.trashed), 7 * 86_400_000);
      assert.ok(Math.abs(Date.parse(items[0]!.trashed) - Date.now()) < 3600_000, `${TZ}: ${items[0]!.trashed}`);
      const takeouts = (await ask('GET', '/ownsight/v1/takeouts')) as { created: string; expires: string }[];
      seen.push({ items, takeouts: takeouts.map(({ created, expires }) => ({ created, expires })) });
    } finally {
      await server.stop();
    }
  }
  for (const later of seen.slice(1)) assert.deepEqual(later, seen[0]);
});
