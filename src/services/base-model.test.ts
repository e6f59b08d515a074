import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { detectionDomain } from '../../test/fixtures/marked.ts';
import { plantBackbone, uprootBackbone } from '../../test/fixtures/own-backbone.ts';
import { plantAccount, plantProject, type Stores, testStores } from '../../test/fixtures/stores.ts';
import { newId } from '../base/id.ts';
import { defaultDomain } from '../domain/domain.ts';
import type { IterationRow } from '../store/schema.ts';
import { createVision } from '../vision/threads/vision-threads.ts';
import type { Vision } from '../vision/vision.ts';
import { backboneOfBase } from './base-model.ts';
import { createProject } from './projects.ts';

async function based(t: TestContext) {
  const stores = await testStores(t);
  const models = join(stores.folder, 'models');
  plantBackbone(models);
  const vision = createVision({ threads: 1, modelsFolder: models });
  t.after(() => vision.close());
  const app: Stores & { readonly vision: Vision } = { ...stores, vision };
  const accountId = await plantAccount(stores);
  const from = await plantProject(stores, accountId, 1);
  const scope = { accountId, projectId: (await createProject(stores, accountId, { name: 'new' })).id };
  const ask = (base: { projectId: string; iterationId: string } = from) =>
    backboneOfBase(app, stores.db.query, scope, { projectId: base.projectId, iterationId: base.iterationId });
  const change = (values: Partial<IterationRow>) => stores.db.query.updateTable('iterations').set(values).execute();
  await change({ domain_id: defaultDomain.id });
  return { app, models, from, scope, ask, change };
}

test('a training begins from the network that its base began from, whatever its own project says', async (t) => {
  const { app, ask, change } = await based(t);
  assert.equal(await ask(), null);
  const { reference } = await app.vision.backbone('mine');
  await change({ backbone: reference });
  assert.equal(await ask(), reference);
});

test('an iteration that nothing can begin from is refused by its code', async (t) => {
  const { app, models, from, scope, ask, change } = await based(t);
  const prefix = 'BadRequestCustomBaseModel';
  await assert.rejects(ask({ ...from, projectId: newId() }), { code: 'NotFoundProject' });
  await assert.rejects(ask({ ...from, iterationId: newId() }), { code: 'NotFoundIteration' });
  const stranger = await plantProject(app, await plantAccount(app), 1);
  await assert.rejects(ask(stranger), { code: 'NotFoundProject' });
  for (const status of ['Training', 'Failed', 'Imported'] as const) {
    await change({ status });
    await assert.rejects(ask(), { code: `${prefix}IterationStatusNotCompleted` }, status);
  }
  await change({ status: 'Completed', domain_id: detectionDomain });
  await assert.rejects(ask(), { code: `${prefix}DomainNotCompatible` });
  const { reference } = await app.vision.backbone('mine');
  await change({ domain_id: defaultDomain.id, backbone: reference });
  uprootBackbone(models);
  const vision = createVision({ threads: 1, modelsFolder: models });
  t.after(() => vision.close());
  const { projectId, iterationId } = from;
  await assert.rejects(backboneOfBase({ vision }, app.db.query, scope, { projectId, iterationId }), {
    code: `${prefix}ArchitectureRetired`,
    message: /models/,
  });
});
