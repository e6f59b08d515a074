import { type Kysely, sql } from 'kysely';

/** As many rows as a large project has in a table. */
const many = 1_000_000;

/**
 * Tells the engine, once and for all, that an index by project leads to very many rows. It looks at no content, so that
 * plans are the same on every server and never change by themselves; left to its guess of ten it walks over a whole
 * project where ids of single rows are given as well. Source: https://www.sqlite.org/fileformat2.html#stat1tab.
 */
export async function tellSizes(db: Kysely<unknown>): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const read = async <R>(text: string): Promise<R[]> => (await sql.raw<R>(text).execute(tx)).rows;
    const columns = await read<{ tbl: string; idx: string; columns: number; first: string }>(`
      select it.tbl_name as tbl, it.name as idx, count(*) as columns, max(iif(seqno = 0, info.name, null)) as first
      from sqlite_schema it, pragma_index_info(it.name) info
      where it.type = 'index' and (it.sql is null or it.sql not like '% where %') group by it.name order by it.name`);
    const wanted = columns
      // What is in the trash is known by its table and its key: of one table there may be as many.
      .filter(({ tbl, first }) => first === 'project_id' || (tbl === 'trash_rows' && first === 'kind'))
      .map(({ tbl, idx, columns: n }) => ({ tbl, idx, stat: [many, many, ...Array(n - 1).fill(1000)].join(' ') }));
    const [told] = await read(`select 1 from sqlite_schema where name = 'sqlite_stat1'`);
    const found = told === undefined ? [] : await read('select tbl, idx, stat from sqlite_stat1 order by idx');
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    // A new table is noticed by every connection, a changed row is not.
    await sql`drop table if exists sqlite_stat1`.execute(tx);
    await sql`analyze sqlite_schema`.execute(tx);
    for (const { tbl, idx, stat } of wanted)
      await sql`insert into sqlite_stat1 (tbl, idx, stat) values (${tbl}, ${idx}, ${stat})`.execute(tx);
    await sql`analyze sqlite_schema`.execute(tx);
  });
}
