import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imageDeletion, projectDeletion } from '../../src/services/deletions.ts';
import { inventory, projectInventory } from '../../src/services/inventory.ts';
import { countHoldings } from '../../src/store/holdings.ts';
import { plantRows } from '../fixtures/many-rows.ts';
import { plantAccount, testStores } from '../fixtures/stores.ts';

const projects = 10;
const imagesEach = 100_000;

/** How long `work` takes, ms: the median of five. */
async function median(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) {
    const begun = performance.now();
    await work();
    times.push(performance.now() - begun);
  }
  return times.sort((a, b) => a - b)[2]!;
}

test('an account with 1,000,000 pictures sees everything it has within 200 ms', async (t) => {
  const stores = await testStores(t);
  const accountId = await plantAccount(stores);
  const planted = await plantRows(stores, accountId, projects, imagesEach);
  const seen = await inventory(stores, accountId, 'en');
  const count = (kind: string) => seen.kinds.find((one) => one.kind === kind)?.count;
  for (const kind of ['images', 'image-original', 'image-thumbnail', 'image_tags', 'iteration_images'])
    assert.equal(count(kind), projects * imagesEach, kind);
  const figures = {
    account: await median(() => inventory(stores, accountId, 'en')),
    project: await median(() => projectInventory(stores, planted[0]!, 'en')),
    'before deleting a project': await median(() => projectDeletion(stores, planted[0]!, 'en')),
  };
  const all = { allImages: true, allIterations: false };
  const images = await median(() => imageDeletion(stores, planted[0]!, all, 'en'));
  t.diagnostic(`before deleting the ${imagesEach} images of a project: ${images.toFixed(0)} ms`);
  const begun = performance.now();
  const counted = await countHoldings(stores.db.query);
  const counting = performance.now() - begun;
  for (const [what, time] of Object.entries(figures)) t.diagnostic(`${what}: ${time.toFixed(1)} ms`);
  t.diagnostic(`counting it all instead: ${counting.toFixed(0)} ms`);
  for (const [what, time] of Object.entries(figures)) assert.ok(time <= 200, `${what} took ${time.toFixed(0)} ms`);
  const bytes = counted.reduce((all, row) => all + row.bytes, 0);
  const server = seen.kinds.filter(({ kind }) => ['jobs', 'loose_blobs', 'holdings', 'erased'].includes(kind));
  assert.equal(seen.total.bytes - server.reduce((all, one) => all + one.bytes, 0), bytes);
});
