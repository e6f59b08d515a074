import { sql } from 'kysely';
import type { Queries } from './database.ts';

/**
 * Counts one more prediction of an account in a month, unless there are `most` already; whether there were not. Exact,
 * however many ask at a time.
 */
export async function countPrediction(db: Queries, accountId: string, month: string, most: number): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('monthly_predictions')
    .values({ account_id: accountId, month, count: 1 })
    .onConflict((conflict) =>
      conflict
        .column('account_id')
        .doUpdateSet({
          month,
          count: sql<number>`case when monthly_predictions.month = ${month} then monthly_predictions.count + 1 else 1 end`,
        })
        .where((at) =>
          at.or([at('monthly_predictions.month', '!=', month), at('monthly_predictions.count', '<', most)]),
        ),
    )
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Takes one back that was counted in this month. */
export async function uncountPrediction(db: Queries, accountId: string, month: string): Promise<void> {
  await db
    .updateTable('monthly_predictions')
    .set((at) => ({ count: at('count', '-', 1) }))
    .where('account_id', '=', accountId)
    .where('month', '=', month)
    .where('count', '>', 0)
    .execute();
}

/** How many an account made in a month. */
export async function countedPredictions(db: Queries, accountId: string, month: string): Promise<number> {
  const row = await db
    .selectFrom('monthly_predictions')
    .select('count')
    .where('account_id', '=', accountId)
    .where('month', '=', month)
    .executeTakeFirst();
  return Number(row?.count ?? 0);
}
