import { type Kysely, sql } from 'kysely';
import type { Clock } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { initial } from './migrations/0001-initial.ts';
import { retention } from './migrations/0002-retention.ts';
import { audit } from './migrations/0003-audit.ts';
import { holdings } from './migrations/0003-holdings.ts';
import { downloads } from './migrations/0004-downloads.ts';
import { erased } from './migrations/0004-erased.ts';
import { erasures } from './migrations/0004-erasures.ts';
import { trash } from './migrations/0005-trash.ts';
import { forget } from './migrations/0006-forget.ts';
import { imported } from './migrations/0007-imported.ts';
import { transfers } from './migrations/0008-transfers.ts';
import { backups } from './migrations/0009-backups.ts';
import { trashEnds } from './migrations/0010-trash-ends.ts';
import { learnedRegions } from './migrations/0011-learned-regions.ts';
import { suggestions } from './migrations/0012-suggestions.ts';
import { backbones } from './migrations/0013-backbones.ts';
import { defaultIteration } from './migrations/0014-default-iteration.ts';
import { namedKeys } from './migrations/0016-named-keys.ts';
import { tiers } from './migrations/0016-tiers.ts';
import { imports } from './migrations/0017-imports.ts';
import { baseModels } from './migrations/0018-base-models.ts';
import { connections } from './migrations/0018-connections.ts';
import { metadata } from './migrations/0018-metadata.ts';
import { settings } from './migrations/0018-settings.ts';
import { doubt } from './migrations/0019-doubt.ts';
import { lists } from './migrations/0019-lists.ts';

/** Every migration there is, oldest first: name and SQL. Names are never reused, SQL never edited. */
const migrations: readonly (readonly [name: string, statements: string])[] = [
  ['0001-initial', initial],
  ['0002-retention', retention],
  ['0003-holdings', holdings],
  ['0003-audit', audit],
  ['0004-downloads', downloads],
  ['0004-erasures', erasures],
  ['0004-erased', erased],
  ['0005-trash', trash],
  ['0006-forget', forget],
  ['0007-imported', imported],
  ['0009-backups', backups],
  ['0008-transfers', transfers],
  ['0010-trash-ends', trashEnds],
  ['0011-learned-regions', learnedRegions],
  ['0013-backbones', backbones],
  ['0012-suggestions', suggestions],
  ['0018-metadata', metadata],
  ['0018-settings', settings],
  ['0017-imports', imports],
  ['0014-default-iteration', defaultIteration],
  ['0016-tiers', tiers],
  ['0019-lists', lists],
  ['0019-doubt', doubt],
  ['0018-connections', connections],
  ['0018-base-models', baseModels],
  ['0016-named-keys', namedKeys],
];

const addition = /alter table (\w+) add column (\w+) \w+(?: not null default (?:(\d+)|'([^']*)'))?;/g;

/** The columns that came later, as `table.column`, and what a migration put there in rows from before. */
export const addedColumns: ReadonlyMap<string, string | number | null> = new Map(
  migrations.flatMap(([, statements]) =>
    [...statements.matchAll(addition)].map(
      ([, table, column, number, text]) =>
        [`${table}.${column}`, number === undefined ? (text ?? null) : Number(number)] as const,
    ),
  ),
);

interface MigrationTable {
  migrations: { name: string; applied: number };
}

/**
 * Brings a database up to date, each missing migration in a transaction of its own; interrupted, it goes on from there
 * the next time.
 *
 * @throws AppError `NewerDatabase` when a later version of the program has changed it; nothing was touched.
 */
export async function migrate(database: Kysely<unknown>, clock: Clock): Promise<void> {
  const db = database as Kysely<MigrationTable>;
  await sql`create table if not exists migrations (name text not null primary key, applied bigint not null)`.execute(
    db,
  );
  const applied = new Set((await db.selectFrom('migrations').select('name').execute()).map((row) => row.name));
  const unknown = [...applied].filter((name) => migrations.every(([known]) => known !== name));
  if (unknown.length > 0)
    throw new AppError(
      'NewerDatabase',
      `expected a database of this version or an older one but received one with the migration ${unknown.join(', ')}: start the version of the server that made it, or a later one`,
    );
  for (const [name, statements] of migrations) {
    if (applied.has(name)) continue;
    await db.transaction().execute(async (tx) => {
      for (const statement of statements.split(';')) if (statement.trim() !== '') await sql.raw(statement).execute(tx);
      await tx.insertInto('migrations').values({ name, applied: clock.now() }).execute();
    });
  }
}
