import type { Queries } from './database.ts';

/** How much a project holds. */
export interface ProjectUsage {
  readonly id: string;
  readonly iterations: number;
  /** In the workspace. */
  readonly images: number;
  /** In the workspace. */
  readonly tags: number;
  /** Stored. */
  readonly predictions: number;
}

/** What each living project of the account holds, oldest project first. */
export const usageByProject = (db: Queries, accountId: string): Promise<ProjectUsage[]> =>
  db
    .selectFrom('projects')
    .select((at) => {
      const count = (table: 'iterations' | 'predictions') =>
        at
          .selectFrom(table)
          .select((rows) => rows.fn.countAll<number>().as('n'))
          .whereRef(`${table}.project_id`, '=', 'projects.id');
      const countInWorkspace = (table: 'images' | 'tags') =>
        at
          .selectFrom(table)
          .select((rows) => rows.fn.countAll<number>().as('n'))
          .whereRef(`${table}.project_id`, '=', 'projects.id')
          .where(`${table}.workspace`, '=', 1);
      return [
        'projects.id',
        count('iterations').as('iterations'),
        countInWorkspace('images').as('images'),
        countInWorkspace('tags').as('tags'),
        count('predictions').as('predictions'),
      ];
    })
    .where('account_id', '=', accountId)
    .where('deleted', 'is', null)
    .orderBy('created')
    .$castTo<ProjectUsage>()
    .execute();
