import { isId } from '../../base/id.ts';
import { limits } from '../../domain/limits.ts';
import { blobKindsOf, hasBlob, parentsOf, tableTakeout, takeoutOrder } from '../../store/custody-takeout.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { decodeModel } from '../../vision/trained-model.ts';
import { blobFile } from '../takeout/layout.ts';
import { rowsIn } from './archive-rows.ts';
import { badArchive, type CheckedBag, type PayloadFile } from './bag-check.ts';

/** A project in an archive whose rows fit together. */
export interface ArchivedProject {
  readonly id: string;
  /** Ids of its own rows, by table. */
  readonly ids: ReadonlyMap<keyof Tables, ReadonlySet<string>>;
  /** Bytes of its blobs. */
  readonly bytes: number;
}

/** What an archive holds that was checked to the last row. */
export interface CheckedArchive {
  readonly bag: CheckedBag;
  /** The account it was taken from. */
  readonly account: AnyRow;
  readonly projects: readonly ArchivedProject[];
}

/** The tables of a project that are put back, parents before what hangs on them. */
export const restoredTables = (): (keyof Tables)[] =>
  takeoutOrder('project').filter((table) => {
    const takeout = tableTakeout[table];
    return 'restore' in takeout && takeout.restore === 'restored';
  });

/**
 * Reads all rows of a bag: each names what is there, is its project's, and has its picture or model, unless the archive
 * says itself that it is missing. @throws AppError `BadArchive` naming file and line.
 */
export async function checkArchive(bag: CheckedBag): Promise<CheckedArchive> {
  const [account, second] = await Array.fromAsync(rowsIn(bag, undefined, 'accounts'));
  if (account === undefined || second !== undefined)
    throw badArchive('one account', 'account/rows/accounts-00001.jsonl', second === undefined ? 'none' : 'several');
  const projects: ArchivedProject[] = [];
  for (const id of projectsIn(bag)) projects.push(await checkProject(bag, account.id as string, id, restoredTables()));
  return { bag, account, projects };
}

/** The ids of the projects in a bag. @throws AppError `BadArchive`. */
export function projectsIn(bag: CheckedBag): Set<string> {
  const ids = new Set<string>();
  for (const path of bag.payload.keys()) {
    const [, id] = /^projects\/([^/]+)\/rows\/projects-00001\.jsonl$/.exec(path) ?? [];
    if (id === undefined) continue;
    if (!isId(id)) throw badArchive('the id of a project', path, id);
    ids.add(id);
  }
  return ids;
}

/**
 * Reads the rows of these tables of one project, which says that it is `accountId`'s. @throws AppError `BadArchive` naming
 * file and line.
 */
export async function checkProject(
  bag: CheckedBag,
  accountId: string | null,
  projectId: string,
  tables: readonly (keyof Tables)[],
): Promise<ArchivedProject> {
  const ids = new Map<keyof Tables, Set<string>>();
  let bytes = 0;
  for (const table of tables) {
    const own = new Set<string>();
    ids.set(table, own);
    const parents = parentsOf(table).filter((parent) => parent !== 'projects' && parent !== 'accounts');
    for await (const row of rowsIn(bag, projectId, table)) {
      const where = `projects/${projectId}/rows/${table}`;
      if (table === 'projects' ? row.id !== projectId || row.account_id !== accountId : row.project_id !== projectId)
        throw badArchive('rows of this project', where, row.id ?? row.project_id);
      for (const parent of parents) {
        const id = row[`${parent.slice(0, -1)}_id`] as string;
        if (!ids.get(parent)?.has(id)) throw badArchive(`one of the ${parent} of this archive`, where, id);
      }
      if (typeof row.id === 'string') {
        if (own.has(row.id)) throw badArchive('each row once', where, row.id);
        own.add(row.id);
      }
      for (const kind of blobKindsOf(table, 'takenAs')) {
        const file = blobOf(bag, projectId, kind, row);
        bytes += file?.bytes ?? 0;
        if (file !== undefined && kind === 'model') await checkModel(file);
      }
    }
  }
  if (ids.get('projects')!.size !== 1) throw badArchive('one project', `projects/${projectId}/rows/projects`, 'none');
  return { id: projectId, ids, bytes };
}

async function checkModel(file: PayloadFile): Promise<void> {
  const bytes = await file.read(limits.modelBytes);
  try {
    decodeModel(bytes);
  } catch (error) {
    throw badArchive('a stored model', file.name, error instanceof Error ? error.message : error);
  }
}

/**
 * The file of a row's blob; `undefined` when it has none, or the archive says that it is missing.
 * @throws AppError `BadArchive` when it is neither there nor said to be missing.
 */
export function blobOf(
  { payload, missing }: CheckedBag,
  projectId: string,
  kind: Parameters<typeof hasBlob>[0],
  row: AnyRow,
): PayloadFile | undefined {
  if (!hasBlob(kind, row)) return undefined;
  const path = blobFile(projectId, kind, row.id as string, row.format)!;
  const file = payload.get(path);
  if (file === undefined && !missing.has(path)) throw badArchive('the file of a row', path, 'none');
  return file;
}
