import { AsyncLocalStorage } from 'node:async_hooks';
import { chmodSync, closeSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { type Clock, systemClock } from '../base/clock.ts';
import { hasCode, makeDirectorySync, syncDirectorySync } from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { problem } from '../domain/problems.ts';
import type { Database } from './database.ts';
import { noteErased } from './erased.ts';
import { keepHoldings } from './holdings.ts';
import { keepLists } from './lists.ts';
import { migrate } from './migrate.ts';
import type { Tables } from './schema.ts';
import { tellSizes } from './sizes.ts';
import { storageError } from './storage-full.ts';
import { endSuggestions } from './suggestions.ts';

/** How long one process waits for another's lock before it gives up, ms. The event loop stands still meanwhile. */
const busyTimeout = 2000;
/** The same for a checkpoint, which is tried again anyway, ms. */
const checkpointTimeout = 20;
/** Answers remembered at most, between two commits. */
const answersKept = 10_000;
/** Prepared statements kept per connection; lists of different lengths make different statements. */
const statementsKept = 500;

/**
 * The database in one SQLite file, made and migrated as needed; files are 0600, new directories 0700.
 *
 * Two connections: all writes go through one, one transaction or single statement at a time in the order they were
 * asked for; reads outside transactions go through the other, never wait, and see what was committed last. Another
 * process may have the same file open. A unique or foreign key that a statement breaks throws `Conflict`, a full disk
 * `ErrorStorageFull`; the transaction is rolled back.
 *
 * @throws AppError `NewerDatabase`, `DatabaseUnfit` when the file system or the engine refuses a setting we depend on.
 */
export async function openSqlite(path: string, clock: Clock = systemClock()): Promise<Database> {
  makeDirectorySync(dirname(path));
  closeSync(openSync(path, 'a', 0o600));
  chmodSync(path, 0o600);
  syncDirectorySync(dirname(path));
  const writer = new Sqlite(path, { timeout: busyTimeout });
  let reader: Sqlite.Database | undefined;
  try {
    setPragma(writer, 'journal_mode', 'wal', 'wal');
    configure(writer);
    reader = new Sqlite(path, { readonly: true, timeout: busyTimeout });
    configure(reader);
    return await open(writer, reader, clock);
  } catch (error) {
    reader?.close();
    writer.close();
    throw error;
  }
}

/** Sets what must hold on every connection and reads it back: a pragma that is not understood is ignored in silence. */
function configure(connection: Sqlite.Database): void {
  setPragma(connection, 'synchronous', 'full', 2);
  setPragma(connection, 'secure_delete', 'on', 1);
  setPragma(connection, 'foreign_keys', 'on', 1);
  setPragma(connection, 'temp_store', 'memory', 2);
}

function setPragma(connection: Sqlite.Database, name: string, value: string, expectedValue: unknown): void {
  connection.pragma(`${name} = ${value}`);
  const actual = connection.pragma(name, { simple: true });
  if (actual !== expectedValue)
    throw new AppError('DatabaseUnfit', `expected SQLite to take ${name} = ${value} but it stays ${String(actual)}`);
}

async function open(writer: Sqlite.Database, reader: Sqlite.Database, clock: Clock): Promise<Database> {
  const writing = mutex();
  const writerStatements = statementCache(writer);
  const readerStatements = statementCache(reader);
  // Tells a write beside its own transaction, which would wait for itself for ever.
  const inside = new AsyncLocalStorage<{ ended: boolean }>();
  const held = new WeakMap<DatabaseConnection, () => void>();

  const enter = (): Promise<() => void> => {
    if (inside.getStore()?.ended === false)
      throw new Error('expected a write on the transaction in hand (tx) but received one on the database beside it');
    return writing();
  };

  // Whether somebody committed is looked at once a turn of the event loop, and after each commit of our own.
  let looked = false;
  const lookAgain = (): void => {
    looked = false;
  };

  const onDatabase: DatabaseConnection['executeQuery'] = async <R>({ sql, parameters }: CompiledQuery) => {
    try {
      const statement = readerStatements(sql);
      if (statement.readonly) return { rows: statement.all(parameters) as R[] };
    } catch (error) {
      throw translated(error);
    }
    const leave = await enter();
    try {
      return run<R>(writerStatements(sql), parameters);
    } catch (error) {
      throw translated(error);
    } finally {
      lookAgain();
      leave();
    }
  };
  const inTransaction: DatabaseConnection['executeQuery'] = async <R>({ sql, parameters }: CompiledQuery) => {
    try {
      return run<R>(writerStatements(sql), parameters);
    } catch (error) {
      throw translated(error);
    }
  };
  const control = (sql: string): void => {
    try {
      writerStatements(sql).run();
    } catch (error) {
      throw translated(error);
    }
  };

  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => ({ executeQuery: onDatabase, streamQuery: noStreams }),
    async beginTransaction(connection) {
      const leave = await enter();
      try {
        control('begin immediate');
      } catch (error) {
        leave();
        throw error;
      }
      held.set(connection, leave);
      connection.executeQuery = inTransaction;
    },
    async commitTransaction() {
      control('commit');
      lookAgain();
    },
    // A full disk makes SQLite roll back by itself; then there is nothing left to do.
    rollbackTransaction: async () => (writer.inTransaction ? control('rollback') : undefined),
    releaseConnection: async (connection) => held.get(connection)?.(),
    destroy: async () => {},
  };
  const kysely = new Kysely<Tables>({
    dialect: {
      createDriver: () => driver,
      createAdapter: () => new ManyConnectionsAdapter(),
      createQueryCompiler: () => new SqliteQueryCompiler(),
      createIntrospector: (db) => new SqliteIntrospector(db),
    },
  });
  await migrate(kysely as Kysely<unknown>, clock);
  await tellSizes(kysely as Kysely<unknown>);
  await keepHoldings(kysely);
  await keepLists(kysely as Kysely<unknown>);
  await noteErased(kysely as Kysely<unknown>);
  await endSuggestions(kysely as Kysely<unknown>);

  // Changes with every commit of another connection, and all writes go through another one.
  const commits = reader.prepare('pragma data_version').pluck();
  let answers = new Map<string, Promise<unknown>>();
  let answersAsOf = commits.get();

  return {
    query: kysely,
    async transaction(work) {
      const state = { ended: false };
      try {
        return await kysely.transaction().execute((tx) => inside.run(state, work, tx));
      } finally {
        state.ended = true;
      }
    },
    remember<T>(key: string, read: () => Promise<T>) {
      if (!looked) {
        looked = true;
        setImmediate(lookAgain);
        const now = commits.get();
        if (now !== answersAsOf || answers.size >= answersKept) answers = new Map();
        answersAsOf = now;
      }
      const asOf = answers;
      const found = asOf.get(key) as Promise<T> | undefined;
      if (found !== undefined) return found;
      const answer = read();
      asOf.set(key, answer);
      answer.catch(() => asOf.delete(key));
      return answer;
    },
    async checkpoint() {
      const leave = await enter();
      try {
        writer.pragma(`busy_timeout = ${checkpointTimeout}`);
        const [result] = writer.pragma('wal_checkpoint(truncate)') as { busy: number }[];
        return result?.busy === 0;
      } catch (error) {
        if (hasCode(error, 'SQLITE_BUSY', 'SQLITE_LOCKED')) return false;
        throw translated(error);
      } finally {
        writer.pragma(`busy_timeout = ${busyTimeout}`);
        leave();
      }
    },
    async copyTo(path) {
      try {
        // All pages in one step: then it is one moment, and another process's writes do not make it begin anew.
        await reader.backup(path, { progress: () => 0x7fffffff });
      } catch (error) {
        throw storageError(error);
      }
    },
    async faults() {
      const lines = reader.pragma('integrity_check') as { integrity_check: string }[];
      const broken = reader.pragma('foreign_key_check') as { table: string; parent: string }[];
      return [
        ...lines.map((line) => line.integrity_check).filter((line) => line !== 'ok'),
        ...new Set(broken.map((row) => `${row.table} has rows that refer to missing rows of ${row.parent}`)),
      ];
    },
    async close() {
      const leave = await enter();
      if (writer.open) {
        reader.close();
        writer.close();
      }
      leave();
    },
  };
}

// kysely would allow one connection at a time, so that reads waited for transactions.
class ManyConnectionsAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function run<R>(statement: Sqlite.Statement, parameters: readonly unknown[]): QueryResult<R> {
  if (statement.reader) return { rows: statement.all(parameters) as R[] };
  const { changes, lastInsertRowid } = statement.run(parameters);
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
}

/** Prepares each text once; the one not used for longest gives way when there are too many. */
function statementCache(connection: Sqlite.Database): (sql: string) => Sqlite.Statement {
  const kept = new Map<string, Sqlite.Statement>();
  return (sql) => {
    let statement = kept.get(sql);
    if (statement === undefined) statement = connection.prepare(sql);
    else kept.delete(sql);
    kept.set(sql, statement);
    if (kept.size > statementsKept) kept.delete(kept.keys().next().value!);
    return statement;
  };
}

/** Lets one in at a time, in the order of asking; each calls what it was given to let the next one in. */
function mutex(): () => Promise<() => void> {
  let last: Promise<void> = Promise.resolve();
  return () => {
    const before = last;
    const { promise, resolve } = Promise.withResolvers<void>();
    last = promise;
    return before.then(() => resolve);
  };
}

// biome-ignore lint/correctness/useYield: it is kysely's signature; pages are read with limits instead.
async function* noStreams(): AsyncIterableIterator<never> {
  throw new Error('expected a query with a limit but received a stream');
}

function translated(error: unknown): unknown {
  if (hasCode(error, 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY', 'SQLITE_CONSTRAINT_FOREIGNKEY'))
    return problem('Conflict', undefined, error);
  if (hasCode(error, 'SQLITE_BUSY'))
    return problem(
      'Conflict',
      'Another process is writing to the database and does not let go of it: wait for it or end it, then try again.',
      error,
    );
  return storageError(error);
}

/**
 * Takes the lock at `path`, so that one server, or one command of a kind, at a time runs on a data directory; the operating
 * system frees it when the process ends, however it ends. Returns the function that frees it. @throws AppError
 * `AlreadyRunning`.
 */
export function lockFile(path: string): () => void {
  makeDirectorySync(dirname(path));
  const connection = new Sqlite(path, { timeout: 0 });
  try {
    connection.exec('begin exclusive');
  } catch (error) {
    connection.close();
    throw new AppError(
      'AlreadyRunning',
      `another server is running on ${dirname(path)}: stop it first, or set OWNSIGHT_HOME`,
      error,
    );
  }
  return () => connection.close();
}
