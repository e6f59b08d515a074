/** What every operation that lists takes and gives, in every version that has it: pages, orders, defaults and bounds. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import type { OperationId } from '../../src/contract/operation.ts';
import { servedVersions } from '../../src/contract/served.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { type ManyImages, plantManyImages } from '../fixtures/many-images.ts';
import { startServer, type TestServer } from '../fixtures/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'ownsight-listing-'));
const count = 640;
let server: TestServer;
let many: ManyImages;

before(async () => {
  const home = join(folder, 'data');
  const app = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
  many = await plantManyImages(app, (await createAccount(app, { userName: 'lists' })).id, count);
  await app.close();
  server = await startServer({ home });
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: answers are compared, not computed with
type Answer = { status: number; body: any };

async function ask(path: string, body?: object): Promise<Answer> {
  const response = await fetch(server.endpoint + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'Training-Key': server.trainingKey, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** The lists of images: what they hold, newest first, by the numbers of images. */
const numbers = (which: (n: number) => boolean): number[] =>
  Array.from({ length: count }, (_, n) => count - n).filter(which);
const lists: { readonly [Op in OperationId]?: { readonly holds: readonly number[]; readonly ofTags: boolean } } = {
  GetTaggedImages: { holds: numbers((n) => n % 2 === 0), ofTags: true },
  GetUntaggedImages: { holds: numbers((n) => n % 2 === 1), ofTags: false },
  GetImages: { holds: numbers(() => true), ofTags: true },
  GetImagePerformances: { holds: numbers((n) => n % 2 === 0), ofTags: true },
};

/** Where each version has each of the lists. */
const places = servedVersions.flatMap(({ api, version, operations }) =>
  operations.flatMap(({ id, path }) => {
    const list = lists[id];
    return list === undefined ? [] : [{ name: `${id} of ${api} ${version}`, path, list }];
  }),
);
const addressOf = (path: string): string =>
  path.replace('{projectId}', many.scope.projectId).replace('{iterationId}', many.iterationId);

describe('every list of images in every version', () => {
  test('there are some', () => {
    assert.ok(places.length >= 7 * 3 + 2, String(places.length));
  });

  for (const { name, path, list } of places)
    test(name, async () => {
      const at = addressOf(path);
      const rows = async (query: string): Promise<string[]> => {
        const { status, body } = await ask(`${at}?${query}`);
        assert.equal(status, 200, `${query}: ${JSON.stringify(body)}`);
        return (body as Record<string, string>[]).map((row) => (row.id ?? row.Id)!.replaceAll('-', ''));
      };
      const ids = (images: readonly number[]): string[] => images.map((n) => many.idOf('image', n).replaceAll('-', ''));
      const refuses = async (query: string, code: string, message: RegExp): Promise<void> => {
        const { status, body } = await ask(`${at}?${query}`);
        assert.deepEqual([status, body.code ?? body.Code], [400, code], `${query}: ${JSON.stringify(body)}`);
        assert.match(body.message ?? body.Message, message);
      };
      const { holds } = list;

      assert.deepEqual(await rows(''), ids(holds.slice(0, 50)), 'fifty, newest first');
      assert.deepEqual(await rows('take=0'), []);
      assert.deepEqual(await rows('take=256&skip=3'), ids(holds.slice(3, 259)));
      assert.deepEqual(await rows(`skip=${holds.length}`), []);
      assert.deepEqual(await rows(`take=7&skip=${holds.length - 2}`), ids(holds.slice(-2)));
      for (const word of ['Oldest', 'oldest', 'OLDEST'])
        assert.deepEqual(await rows(`orderBy=${word}&take=9`), ids(holds.toReversed().slice(0, 9)), word);
      assert.deepEqual(await rows('ORDERBY=newest&TAKE=2'), ids(holds.slice(0, 2)));
      await refuses('take=257', 'BadRequest', /from 0 to 256/);
      await refuses('take=-1', 'BadRequest', /from 0 to 256/);
      await refuses('take=ten', 'BadRequest', /take/);
      await refuses('skip=-1', 'BadRequest', /skip/);
      await refuses('orderBy=Random', 'BadRequest', /Newest, Oldest/);
      if (!list.ofTags) return;

      const [one, two] = [many.tagIds[1]!, many.tagIds[8]!];
      // As the images were planted: the second tag of a tenth of them is seven further.
      const carries = (n: number, tag: number): boolean =>
        n % 2 === 0 && ((n / 2) % 20 === tag || (n % 10 === 0 && (n / 2 + 7) % 20 === tag));
      const of = (...tags: number[]): string[] => ids(numbers((n) => tags.some((tag) => carries(n, tag))));
      assert.deepEqual(await rows(`take=256&tagIds=${one}`), of(1));
      assert.deepEqual(await rows(`take=256&tagIds=${one},${two}`), of(1, 8), 'either of them');
      assert.deepEqual(await rows(`take=256&tagIds=${two}&tagIds=${one.toUpperCase()}`), of(1, 8), 'repeated');
      assert.deepEqual(await rows(`take=256&tagIds=${one}, ${one.replaceAll('-', '')},`), of(1), 'twice the same');
      assert.deepEqual(await rows('tagIds=&take=1'), ids(holds.slice(0, 1)), 'none');
      assert.deepEqual(await rows(`tagIds=${crypto.randomUUID()}`), [], 'unknown');
      assert.equal((await rows(`take=256&tagIds=${many.tagIds.join(',')}`)).length, 256, 'twenty');
      await refuses(
        `tagIds=${[...many.tagIds, many.rareTagId].join(',')}`,
        'BadRequestExceededBatchSize',
        /at most 20/,
      );
      await refuses('tagIds=x', 'BadRequestInvalidIds', /tagIds/);
    });
});

test('an iteration lists what it learned, whatever became of it since, and counts agree with lists', async () => {
  const at = addressOf('/customvision/v3.4-preview/training/projects/{projectId}/images');
  const of = `iterationId=${many.iterationId}`;
  const all = async (path: string): Promise<string[]> => {
    const found: string[] = [];
    for (;;) {
      const { body } = await ask(`${at}${path}&take=100&skip=${found.length}`);
      found.push(...(body as { id: string }[]).map(({ id }) => id));
      if (body.length < 100) return found;
    }
  };
  const learned = await all(`?${of}`);
  const tagged = await all(`/tagged?${of}`);
  assert.equal(new Set(learned).size, count);
  assert.deepEqual(
    [...tagged, ...(await all(`/untagged?${of}`))].toSorted(),
    learned.toSorted(),
    'each is tagged or not',
  );
  const some = [2, 10, 640].map((n) => many.idOf('image', n));
  const gone = many.idOf('image', 4);
  for (const path of [`/tags?imageIds=${some.join(',')}&tagIds=${many.tagIds.join(',')}`, `?imageIds=${gone}`]) {
    const headers = { 'Training-Key': server.trainingKey };
    assert.equal((await fetch(`${server.endpoint}${at}${path}`, { method: 'DELETE', headers })).status, 204);
  }
  assert.deepEqual(await all(`/tagged?${of}`), tagged);
  assert.deepEqual(await all(`?${of}`), learned);
  const now = await all('/tagged?');
  // Those of the first twenty carry one more tag.
  assert.deepEqual(
    tagged.filter((id) => !now.includes(id)),
    [some[2], gone],
  );
  for (const [path, query] of [
    ['', ''],
    ['/tagged', ''],
    ['/untagged', ''],
    ['/tagged', `&tagIds=${many.tagIds[0]},${many.tagIds[7]},${many.rareTagId}`],
  ] as const)
    for (const iteration of ['', `&${of}`]) {
      const { body } = await ask(`${at}${path}/count?${query}${iteration}`);
      assert.equal(body, (await all(`${path}?${query}${iteration}`)).length, `${path}?${query}${iteration}`);
    }
  const { body: tags } = await ask(addressOf('/customvision/v3.4-preview/training/projects/{projectId}/tags'));
  for (const { id, imageCount } of tags as { id: string; imageCount: number }[])
    assert.equal(imageCount, (await all(`/tagged?tagIds=${id}`)).length);
});
