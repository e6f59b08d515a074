import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import type { PublicJwk } from '../../src/base/jws.ts';
import { verifyReceipt } from '../../src/services/receipts.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

interface Told {
  readonly kinds: { readonly kind: string; readonly count: number }[];
  readonly exports: { readonly exportId: string }[];
  readonly learnedFrom: { readonly iterationId: string; readonly images: number; readonly rebuilt: boolean }[];
}
interface Begun {
  readonly receiptId: string;
  readonly deletion: Told;
}
interface Forgetting {
  readonly receiptId: string;
  readonly state: string;
  readonly held: number;
  readonly iterations: { readonly iterationId: string; readonly state: string; readonly progress: number }[];
}

let server: TestServer;
let clients: Clients;

before(async () => {
  server = await startServer();
  clients = newestClients(server);
});
after(() => server?.stop());

/** Ownsight's own API. */
async function own<T>(path: string, init: RequestInit = {}, at = server): Promise<T> {
  const headers = { 'Training-Key': at.trainingKey, 'Content-Type': 'application/json' };
  return (await (await fetch(`${at.endpoint}/ownsight/v1${path}`, { headers, ...init })).json()) as T;
}

const forget = (projectId: string, imageIds: readonly string[], more: object = {}, at = server): Promise<Begun> =>
  own(`/projects/${projectId}/images/forget`, { method: 'POST', body: JSON.stringify({ imageIds, ...more }) }, at);

export const finished = (projectId: string, receiptId: string, at = server): Promise<Forgetting[]> =>
  until(
    () => own<Forgetting[]>(`/projects/${projectId}/forgetting`, {}, at),
    (all) => all.find((one) => one.receiptId === receiptId)?.state === 'Finished',
  );

/** A project of three tags with `perClass` pictures each, and their ids by tag. */
async function project(
  { training }: Clients,
  name: string,
  perClass = 6,
): Promise<{ projectId: string; imageIds: string[]; byTag: Map<string, string[]> }> {
  const domains = await training.getDomains();
  const domainId = domains.find((one) => one.type === 'Classification' && one.exportable)!.id!;
  const { id } = await training.createProject(name, { domainId, classificationType: 'Multiclass' });
  const pictures = await samplePictures({ perClass });
  const byTag = new Map<string, string[]>();
  for (const tag of ['Apple', 'Leaf', 'Mug']) {
    const tagId = (await training.createTag(id!, tag)).id!;
    const images = pictures.filter((one) => one.tag === tag).map((one) => ({ name: one.name, contents: one.bytes }));
    const summary = await training.createImagesFromFiles(id!, { images, tagIds: [tagId] });
    byTag.set(
      tag,
      summary.images!.map((one) => one.image!.id!),
    );
  }
  return { projectId: id!, byTag, imageIds: [...byTag.values()].flat() };
}

async function train({ training }: Clients, projectId: string): Promise<string> {
  const { id } = await training.trainProject(projectId, { forceTrain: true });
  await until(
    () => training.getIteration(projectId, id!),
    (one) => one.status === 'Completed',
  );
  return id!;
}

/** Everything an iteration says: its answer to a picture, its performance and its held-out results, by tag and image. */
async function answers({ training }: Clients, projectId: string, iterationId: string): Promise<unknown> {
  const [unseen] = await samplePictures({ seed: 7, perClass: 1 });
  const answer = await training.quickTestImage(projectId, unseen!.bytes, { iterationId, store: false });
  const held = await training.getImagePerformances(projectId, iterationId, { take: 100 });
  const performance = await training.getIterationPerformance(projectId, iterationId, { threshold: 0.5 });
  return {
    answer: answer.predictions,
    held: held.map((one) => [one.id, one.predictions]).sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    performance,
    tags: (await training.getTags(projectId, { iterationId })).map((tag) => [tag.name, tag.imageCount]),
  };
}

test('a model that forgets keeps its name, answers all the while, and is then what it would be without', async () => {
  const { training, prediction } = clients;
  const { projectId, byTag } = await project(clients, 'forgets');
  const iterationId = await train(clients, projectId);
  await training.publishIteration(projectId, iterationId, 'live', 'resource');
  await training.exportIteration(projectId, iterationId, 'ONNX');
  const [exported] = await until(
    () => training.getExports(projectId, iterationId),
    ([one]) => one?.status === 'Done',
  );
  const old = await answers(clients, projectId, iterationId);
  const gone = [byTag.get('Apple')![0]!, byTag.get('Mug')![1]!];
  const [unseen] = await samplePictures({ seed: 7, perClass: 1 });

  const foretold = await own<Told>(`/projects/${projectId}/images/forget?imageIds=${gone}`);
  const { receiptId, deletion } = await forget(projectId, gone);
  assert.deepEqual(deletion, foretold);
  assert.equal(deletion.kinds.find((one) => one.kind === 'images')?.count, 2);
  assert.equal(deletion.exports.length, 1);
  assert.deepEqual(
    deletion.learnedFrom.map((one) => [one.iterationId, one.images, one.rebuilt]),
    [[iterationId, 2, true]],
  );
  assert.equal((await training.getImagesByIds(projectId, { imageIds: gone })).length, 0);
  let asked = 0;
  await until(
    async () => {
      const answer = await prediction.classifyImageWithNoStore(projectId, 'live', unseen!.bytes);
      assert.equal(answer.iteration, iterationId);
      asked++;
      return own<Forgetting[]>(`/projects/${projectId}/forgetting`);
    },
    ([one]) => one?.state === 'Finished',
  );
  assert.ok(asked > 1);

  const now = await answers(clients, projectId, iterationId);
  assert.notDeepEqual(now, old);
  assert.equal((await training.getIteration(projectId, iterationId)).publishName, 'live');
  assert.deepEqual(await training.getExports(projectId, iterationId), []);
  assert.equal((await fetch(exported!.downloadUri!)).status, 404);
  await assert.rejects(training.trainProject(projectId, {}), { message: /Nothing changed/ });
  const fresh = await train(clients, projectId);
  assert.deepEqual(now, await answers(clients, projectId, fresh));

  const { receipt } = await own<{ receipt: string }>(`/receipts/${receiptId}`);
  const content = await verifyReceipt(receipt, await own<PublicJwk>('/receipts/key'));
  assert.deepEqual(content?.rebuilt, [iterationId]);
  const { images, iteration_images, model, export: files } = content!.erased;
  assert.deepEqual([images, iteration_images, model, files], [2, 2, 1, 1]);
  assert.deepEqual(content?.kept, {});
});

test('an iteration that cannot be trained without the pictures is named, and nothing is changed', async () => {
  const { training } = clients;
  const { projectId, byTag, imageIds } = await project(clients, 'refuses');
  const iterationId = await train(clients, projectId);
  const leaves = byTag.get('Leaf')!;
  const problem = await own<{ code: string; message: string }>(`/projects/${projectId}/images/forget`, {
    method: 'POST',
    body: JSON.stringify({ imageIds: leaves }),
  });
  assert.equal(problem.code, 'BadRequestTrainingValidationFailed');
  assert.match(problem.message, new RegExp(`Iteration 1 \\(${iterationId}\\).*none.*Leaf.*Delete the iteration`));
  assert.deepEqual(await own(`/projects/${projectId}/images/forget?imageIds=${leaves}`), problem);
  assert.equal((await training.getImages(projectId, {})).length, imageIds.length);
  assert.deepEqual(await own(`/projects/${projectId}/forgetting`), []);
  await training.deleteIteration(projectId, iterationId);
  await finished(projectId, (await forget(projectId, leaves)).receiptId);
  assert.equal((await training.getImagesByIds(projectId, { imageIds: leaves })).length, 0);
});

test('two requests at once, and a training meanwhile: every model forgets what it was asked to', async () => {
  const { training } = clients;
  const { projectId, byTag } = await project(clients, 'twice', 8);
  const iterations = [await train(clients, projectId), await train(clients, projectId)];
  const [apples, leaves] = [byTag.get('Apple')!, byTag.get('Leaf')!];
  const [first, second, running] = await Promise.all([
    forget(projectId, [apples[0]!, leaves[0]!]),
    forget(projectId, [apples[1]!, leaves[0]!], { remakeExports: true }),
    training.trainProject(projectId, { forceTrain: true }),
  ]);
  await finished(projectId, first!.receiptId);
  await finished(projectId, second!.receiptId);
  await until(
    () => training.getIteration(projectId, running!.id!),
    (one) => one.status === 'Completed',
  );
  const fresh = await answers(clients, projectId, await train(clients, projectId));
  for (const iterationId of [...iterations, running!.id!])
    assert.deepEqual(await answers(clients, projectId, iterationId), fresh);
});
