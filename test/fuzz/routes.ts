import { servedVersions } from '../../src/contract/served.ts';
import type { Route } from './attempt.ts';

/** Whether an operation deletes. */
const erases = (id: string, method: string): boolean => method === 'DELETE' || /^(Delete|Remove|Empty|Forget)/.test(id);

/** Every operation of every version, the newest of each API first. */
const operations: readonly Route[] = servedVersions.flatMap(({ api, version, operations: all }) =>
  all.map(({ id, method, path, query, body, reply }) => ({
    name: `${api} ${version} ${id}`,
    api,
    method,
    path,
    query,
    body,
    reply,
    erases: erases(id, method),
  })),
);

const text = { type: 'string' };
/** What a server answers beside the operations, without a key. */
const further: readonly Route[] = [
  '/',
  '/health',
  '/docs',
  '/docs/json',
  '/nothing/{projectId}',
  '/i-{projectId}/o-{imageId}',
  '/m-{projectId}/{iterationId}',
  '/predictionimages/{projectId}/{imageId}',
].map((path) => ({
  name: path,
  api: 'training',
  method: 'GET',
  path,
  query: { type: 'object', properties: { sig: text, se: text } },
  body: undefined,
  reply: 'bytes',
  erases: false,
}));

/** Every route there is. */
export const everyRoute: readonly Route[] = [...operations, ...further];
/** Every operation once, as the newest version that has it has it, and what is answered beside them. */
export const newestRoutes: readonly Route[] = [
  ...new Map(operations.toReversed().map((route) => [route.name.split(' ').at(-1), route])).values(),
  ...further,
];
