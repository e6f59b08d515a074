import type { Queries } from './database.ts';
import type { KeyScope } from './keys.ts';

/** What a project and its account say of the backbone to learn on: names; `null` where they say nothing. */
export interface BackboneWish {
  readonly project: string | null;
  readonly account: string | null;
}

/** What a living project and its account wish; nothing of what is not there. */
export async function findBackboneWish(
  db: Queries,
  { accountId, projectId }: Required<KeyScope>,
): Promise<BackboneWish> {
  const row = await db
    .selectFrom('projects')
    .innerJoin('accounts', 'accounts.id', 'projects.account_id')
    .select(['projects.backbone as project', 'accounts.backbone as account'])
    .where('projects.id', '=', projectId)
    .where('accounts.id', '=', accountId)
    .executeTakeFirst();
  return row ?? { project: null, account: null };
}
