import { sql } from 'kysely';
import type { Queries, Tx } from './database.ts';
import type { KeyScope } from './keys.ts';

/** What a project and its account say of the backbone to learn on: names; `null` where they say nothing. */
export interface BackboneWish {
  readonly project: string | null;
  readonly account: string | null;
}

/** What an account and, if one is named, a project of it wish; nothing of what is not there. */
export async function findBackboneWish(db: Queries, { accountId, projectId }: KeyScope): Promise<BackboneWish> {
  const account = await db.selectFrom('accounts').select('backbone').where('id', '=', accountId).executeTakeFirst();
  if (projectId === undefined) return { project: null, account: account?.backbone ?? null };
  const project = await db
    .selectFrom('projects')
    .select('backbone')
    .where('id', '=', projectId)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return { project: project?.backbone ?? null, account: account?.backbone ?? null };
}

/** Changes what a project wishes or, without one, its account. */
export async function saveBackboneWish(
  tx: Tx,
  { accountId, projectId }: KeyScope,
  backbone: string | null,
): Promise<void> {
  if (projectId === undefined) await tx.updateTable('accounts').set({ backbone }).where('id', '=', accountId).execute();
  else await tx.updateTable('projects').set({ backbone }).where('id', '=', projectId).execute();
}

/** The living projects of an account that wish nothing of their own. */
export async function projectsWithoutWish(db: Queries, accountId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('projects')
    .select('id')
    .where('account_id', '=', accountId)
    .where('deleted', 'is', null)
    .where('backbone', 'is', null)
    .execute();
  return rows.map((row) => row.id);
}

/** An iteration, and what it learned on, which is not the built-in backbone. */
export interface LearnedOn {
  readonly id: string;
  readonly projectId: string;
  readonly backbone: string;
}

/** The iterations, of all accounts or of a scope, that learned on another backbone than the built-in one. */
export async function iterationsOnBackbones(db: Queries, scope?: KeyScope): Promise<LearnedOn[]> {
  let rows = db
    .selectFrom('iterations')
    .innerJoin('projects', 'projects.id', 'iterations.project_id')
    .select(['iterations.id', 'iterations.project_id as projectId', 'iterations.backbone'])
    .where('iterations.backbone', 'is not', null);
  if (scope !== undefined) rows = rows.where('projects.account_id', '=', scope.accountId);
  if (scope?.projectId !== undefined) rows = rows.where('projects.id', '=', scope.projectId);
  return (await rows.orderBy('iterations.id').execute()) as LearnedOn[];
}

/** Ids of whatever needs the backbone of a name: by what it learned on, or because it wishes to learn on it. */
export interface BackboneUses {
  readonly accounts: string[];
  readonly projects: string[];
  /** Those in the trash too. */
  readonly iterations: string[];
}

/** Who uses the backbone of a name. What is deleted and not gone yet counts as well. */
export async function usesOfBackbone(db: Queries, name: string): Promise<BackboneUses> {
  const wishing = async (table: 'accounts' | 'projects'): Promise<string[]> => {
    const rows = await db.selectFrom(table).select('id').where('backbone', '=', name).orderBy('id').execute();
    return rows.map((row) => row.id);
  };
  const trashed = await db
    .selectFrom('trash_rows')
    .select(['row_id as id', sql<string | null>`json_extract(row, '$.backbone')`.as('backbone')])
    .where('kind', '=', 'iterations')
    .execute();
  const learned = [...(await iterationsOnBackbones(db)), ...trashed];
  return {
    accounts: await wishing('accounts'),
    projects: await wishing('projects'),
    iterations: learned.filter(({ backbone }) => backbone?.startsWith(`${name}@`)).map(({ id }) => id),
  };
}
