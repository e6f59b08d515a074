import type { Tier } from '../domain/tier.ts';
import type { Queries, Tx } from './database.ts';

/** The tier of a living account; of one that is gone none holds. */
export async function tierOf(db: Queries, accountId: string): Promise<Tier> {
  const row = await db.selectFrom('accounts').select('tier').where('id', '=', accountId).executeTakeFirst();
  return row?.tier ?? 'Unlimited';
}

/** Holds an account to another tier. */
export async function saveTier(tx: Tx, accountId: string, tier: Tier): Promise<void> {
  await tx.updateTable('accounts').set({ tier }).where('id', '=', accountId).execute();
}
