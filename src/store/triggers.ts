import { type Kysely, sql } from 'kysely';

/** Makes triggers that are missing or were made otherwise by another version; `wanted`: what follows `create trigger`, by name. */
export async function keepTriggers(db: Kysely<unknown>, wanted: ReadonlyMap<string, string>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const { rows } = await sql<{ name: string; sql: string }>`
      select name, sql from sqlite_master where type = 'trigger'`.execute(tx);
    const found = new Map(rows.map((row) => [row.name, row.sql.toLowerCase()]));
    for (const [name, rest] of wanted) {
      const text = `create trigger ${name} ${rest}`;
      if (found.get(name) === text.toLowerCase()) continue;
      await sql.raw(`drop trigger if exists ${name}`).execute(tx);
      await sql.raw(text).execute(tx);
    }
  });
}
