import type { Operation } from './operation.ts';
import { query } from './schema.ts';

const project = '/projects/{projectId}';
const exported = `${project}/iterations/{iterationId}/exports/{exportId}`;

/** What operations of a method share unless they say otherwise. */
const remove = { api: 'ownsight', since: '1', method: 'DELETE', query: query({}), success: [204] } as const;

/** Ownsight's own API: what Azure's lacks for seeing, taking away and erasing all that is held. Opened by a training key. */
export const ownsightOperations = {
  DeleteExport: {
    ...remove,
    path: exported,
    summary: 'Delete an exported model: its file is gone and its links are dead at once.',
  },
} as const satisfies Record<string, Operation>;
