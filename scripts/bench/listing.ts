import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { type ManyImages, plantManyImages } from '../../test/fixtures/many-images.ts';
import { startServer, type TestServer } from '../../test/fixtures/server.ts';
import { median, type Row, spread } from './compare.ts';

/** How many times the time with a hundredth of the images a request may take. */
const most = 3;

interface Side {
  readonly server: TestServer;
  readonly many: ManyImages;
  readonly remove: () => Promise<void>;
}

/** A request by what follows the project's address. */
interface Asked {
  readonly path: string;
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: object;
  /** Another root than the project's. */
  readonly root?: string;
}

/** Every operation that lists, counts, queries or deletes by ids; `round` differs each time, from 0. */
const operations: Readonly<Record<string, (many: ManyImages, round: number) => Asked>> = {
  'GetTaggedImages, newest first': () => ({ path: '/images/tagged' }),
  'GetTaggedImages, oldest first': () => ({ path: '/images/tagged?orderBy=Oldest' }),
  'GetTaggedImages, 256 at once': () => ({ path: '/images/tagged?take=256' }),
  'GetTaggedImages, the last tenth': ({ images }) => ({ path: `/images/tagged?skip=${Math.floor(images * 0.45)}` }),
  'GetTaggedImages of a tag': ({ tagIds }) => ({ path: `/images/tagged?tagIds=${tagIds[3]}` }),
  'GetTaggedImages of a rare tag': ({ rareTagId }) => ({ path: `/images/tagged?tagIds=${rareTagId}` }),
  'GetTaggedImages of twenty tags': ({ tagIds }) => ({ path: `/images/tagged?tagIds=${tagIds.join(',')}` }),
  'GetTaggedImages of an iteration': ({ iterationId }) => ({ path: `/images/tagged?iterationId=${iterationId}` }),
  'GetTaggedImages of an iteration, the last tenth': ({ iterationId, images }) => ({
    path: `/images/tagged?iterationId=${iterationId}&skip=${Math.floor(images * 0.45)}`,
  }),
  'GetTaggedImages of an iteration and a rare tag': ({ iterationId, rareTagId }) => ({
    path: `/images/tagged?iterationId=${iterationId}&tagIds=${rareTagId}`,
  }),
  GetUntaggedImages: () => ({ path: '/images/untagged' }),
  'GetUntaggedImages, the middle': ({ images }) => ({ path: `/images/untagged?skip=${Math.floor(images / 4)}` }),
  'GetUntaggedImages of an iteration': ({ iterationId }) => ({ path: `/images/untagged?iterationId=${iterationId}` }),
  GetImages: () => ({ path: '/images' }),
  'GetImages, the last tenth': ({ images }) => ({ path: `/images?skip=${Math.floor(images * 0.9)}` }),
  'GetImages, tagged': () => ({ path: '/images?taggingStatus=Tagged' }),
  'GetImages of an iteration': ({ iterationId }) => ({ path: `/images?iterationId=${iterationId}` }),
  GetImageCount: () => ({ path: '/images/count' }),
  GetTaggedImageCount: () => ({ path: '/images/tagged/count' }),
  'GetTaggedImageCount of twenty tags': ({ tagIds }) => ({ path: `/images/tagged/count?tagIds=${tagIds.join(',')}` }),
  'GetTaggedImageCount of an iteration': ({ iterationId }) => ({
    path: `/images/tagged/count?iterationId=${iterationId}`,
  }),
  GetUntaggedImageCount: () => ({ path: '/images/untagged/count' }),
  'GetImagesByIds, 256': (many) => ({ path: `/images/id?imageIds=${idsOf(many, 'image', 1, 256)}` }),
  'GetImagesByIds of an iteration, 256': (many) => ({
    path: `/images/id?iterationId=${many.iterationId}&imageIds=${idsOf(many, 'image', 1, 256)}`,
  }),
  GetTags: () => ({ path: '/tags' }),
  GetTag: ({ tagIds }, round) => ({ path: `/tags/${tagIds[round % tagIds.length]}` }),
  GetProjects: () => ({ path: '', root: '/customvision/v3.4-preview/training/projects' }),
  'everything of the project': ({ scope }) => ({ path: '', root: `/ownsight/v1/projects/${scope.projectId}/data` }),
  GetImagePerformances: ({ iterationId }) => ({ path: `/iterations/${iterationId}/performance/images` }),
  'GetImagePerformances of a tag': ({ iterationId, tagIds }) => ({
    path: `/iterations/${iterationId}/performance/images?tagIds=${tagIds[3]}`,
  }),
  'GetImagePerformances, the last tenth': ({ iterationId, images }) => ({
    path: `/iterations/${iterationId}/performance/images?skip=${Math.floor(images * 0.45)}`,
  }),
  GetImagePerformanceCount: ({ iterationId }) => ({ path: `/iterations/${iterationId}/performance/images/count` }),
  'QueryPredictions, newest first': () => query({}),
  'QueryPredictions, oldest first': () => query({ orderBy: 'Oldest' }),
  'QueryPredictions, suggested': () => query({ orderBy: 'Suggested' }),
  'QueryPredictions of an iteration, suggested': ({ iterationId }) => query({ orderBy: 'Suggested', iterationId }),
  'QueryPredictions of an iteration': ({ iterationId }) => query({ iterationId }),
  'QueryPredictions of a time': ({ images, madeAt }) =>
    query({ startTime: date(madeAt(images / 2)), endTime: date(madeAt(images / 2 + 1000)) }),
  'QueryPredictions of a time, oldest first': ({ images, madeAt }) =>
    query({ orderBy: 'Oldest', startTime: date(madeAt(images / 2)), endTime: date(madeAt(images / 2 + 1000)) }),
  'QueryPredictions of two tags': ({ tagIds }) =>
    query({ tags: tagIds.slice(0, 2).map((id) => ({ id, minThreshold: 0.5, maxThreshold: 1 })) }),
  'QueryPredictions of two tags, suggested': ({ tagIds }) =>
    query({
      orderBy: 'Suggested',
      tags: tagIds.slice(0, 2).map((id) => ({ id, minThreshold: 0.3, maxThreshold: 0.9 })),
    }),
  QuerySuggestedImages: ({ iterationId }) => suggested(iterationId, '', {}),
  'QuerySuggestedImages of a tag': ({ iterationId, tagIds }) =>
    suggested(iterationId, '', { tagIds: [tagIds[0]], threshold: 0.5, sortBy: 'UncertaintyDescending' }),
  'CreateImageTags, 128': (many, round) => ({
    path: '/images/tags',
    method: 'POST',
    body: {
      tags: Array.from({ length: 128 }, (_, n) => ({
        imageId: many.idOf('image', 2 * (many.images / 4 + 128 * round + n) + 1),
        tagId: many.tagIds[0],
      })),
    },
  }),
  // Of images without regions to delete: these go with their tags.
  'DeleteImageTags, 64 images': (many, round) => ({
    path: `/images/tags?tagIds=${many.tagIds.join(',')}&imageIds=${idsOf(many, 'image', 0.8 * many.images + 64 * round, 64)}`,
    method: 'DELETE',
  }),
  'DeleteImageRegions, 64': (many, round) => ({
    path: `/images/regions?regionIds=${idsOf(many, 'region', 10 * (64 * round + 1), 64, 10)}`,
    method: 'DELETE',
  }),
  'DeletePrediction, 64': (many, round) => ({
    path: `/predictions?ids=${idsOf(many, 'prediction', many.images / 4 + 64 * round, 64)}`,
    method: 'DELETE',
  }),
  'DeleteImages, 256': (many, round) => ({
    path: `/images?imageIds=${idsOf(many, 'image', 0.2 * many.images + 256 * round, 256)}`,
    method: 'DELETE',
  }),
  'DeleteImages out of iterations too, 256': (many, round) => ({
    path: `/images?allIterations=true&imageIds=${idsOf(many, 'image', 0.55 * many.images + 256 * round, 256)}`,
    method: 'DELETE',
  }),
};

/** What has to look at each row, as what is said in it is sealed, or to walk over what it skips: told for information. */
const linear: Readonly<Record<string, (many: ManyImages, round: number) => Asked>> = {
  'GetTaggedImages of twenty tags, the last tenth': ({ tagIds, images }) => ({
    path: `/images/tagged?tagIds=${tagIds.join(',')}&skip=${Math.floor(images * 0.45)}`,
  }),
  'QueryPredictions of a tag nothing has': ({ tagIds }) =>
    query({ tags: [{ id: tagIds[0], minThreshold: 0.9999, maxThreshold: 1 }] }),
  'QuerySuggestedImageCount of a tenth of the images': ({ iterationId, tagIds }) =>
    suggested(iterationId, '/count', { tagIds: [tagIds[0]], threshold: 0.5 }),
};

const query = (body: object): Asked => ({
  path: '/predictions/query',
  method: 'POST',
  body: { maxCount: 50, ...body },
});
const suggested = (iterationId: string, path: string, body: object): Asked => ({
  path: `/images/suggested${path}?iterationId=${iterationId}`,
  method: 'POST',
  body,
});
const date = (moment: number): string => new Date(moment / 1000).toISOString();
const idsOf = (
  many: ManyImages,
  kind: 'image' | 'prediction' | 'region',
  from: number,
  count: number,
  step = 1,
): string => Array.from({ length: count }, (_, n) => many.idOf(kind, from + step * n)).join(',');

/** A server with a project of so many images. */
async function serverWith(images: number): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));
  const home = join(folder, 'data');
  try {
    const app = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
    const { id: accountId } = await createAccount(app, { userName: 'bench' });
    const begun = performance.now();
    const many = await plantManyImages(app, accountId, images);
    await app.db.checkpoint();
    await app.close();
    console.log(`${images.toLocaleString('en')} images planted in ${Math.round((performance.now() - begun) / 1000)} s`);
    const server = await startServer({ home });
    return {
      server,
      many,
      remove: async () => {
        await server.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** How long the answer to a request takes, ms. */
async function timeOf({ server, many }: Side, { path, method = 'GET', body, root }: Asked): Promise<number> {
  const project = `/customvision/v3.4-preview/training/projects/${many.scope.projectId}`;
  const begun = performance.now();
  const answer = await fetch(`${server.endpoint}${root ?? project}${path}`, {
    method,
    headers: { 'Training-Key': server.trainingKey, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const time = performance.now() - begun;
  if (!answer.ok) throw new Error(`${method} ${path.slice(0, 80)}: ${answer.status} ${text}`);
  return time;
}

/** Every listing, count, query and deletion with a hundred times as many images, against the same with fewer; in turns. */
export async function listingRows(_: readonly string[], rounds: number, pictures: number): Promise<Row[]> {
  // Enough for each round to delete others.
  const fewer = 1000 * Math.ceil(Math.max(pictures, 640 * (2 * rounds + 3)) / 1000);
  const sides: Side[] = [];
  try {
    for (const images of [fewer, 100 * fewer]) sides.push(await serverWith(images));
    const [few, many] = sides as [Side, Side];
    const rows: Row[] = [];
    for (const [table, goal] of [
      [operations, true],
      [linear, false],
    ] as const)
      for (const [name, asked] of Object.entries(table)) {
        const times = { few: [] as number[], many: [] as number[] };
        const all = goal ? 2 * rounds + 2 : 3;
        for (let round = 0; round < all; round++)
          for (const [side, list] of [
            [few, times.few],
            [many, times.many],
          ] as const) {
            const time = await timeOf(side, asked(side.many, round));
            // The first two warm it up.
            if (round >= 2) list.push(time);
          }
        const ratio = median(times.many) / median(times.few);
        rows.push({
          name,
          ours: `${median(times.many).toFixed(1)} ms`,
          peer: `${median(times.few).toFixed(1)} ms`,
          result: `${ratio.toFixed(2)} x`,
          goal: goal ? `<= ${most} x` : '',
          ok: !goal || ratio <= most,
          noise: spread(times.few),
        });
      }
    return rows;
  } finally {
    for (const side of sides) await side.remove();
  }
}
