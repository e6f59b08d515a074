import { type Kysely, sql, type Transaction } from 'kysely';

/**
 * Makes triggers that are missing or were made otherwise by another version; `wanted`: what follows `create trigger`, by
 * name. When there were any, `renew` makes what they keep anew, in the same transaction.
 */
export async function keepTriggers(
  db: Kysely<unknown>,
  wanted: ReadonlyMap<string, string>,
  renew: (tx: Transaction<unknown>) => Promise<void> = async () => {},
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ name: string; sql: string }>`
      select name, sql from sqlite_master where type = 'trigger'`.execute(tx);
    const found = new Map(rows.map((row) => [row.name, row.sql.toLowerCase()]));
    let changed = false;
    for (const [name, rest] of wanted) {
      const text = `create trigger ${name} ${rest}`;
      if (found.get(name) === text.toLowerCase()) continue;
      await sql.raw(`drop trigger if exists ${name}`).execute(tx);
      await sql.raw(text).execute(tx);
      changed = true;
    }
    if (changed) await renew(tx);
  });
}
