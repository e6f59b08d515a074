import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './schema.ts';

/** Where queries go: the database itself, or the transaction in hand. Every query function takes it first. */
export type Queries = Kysely<Tables>;
/** A transaction in hand: what was queried through it holds or falls together. */
export type Tx = Transaction<Tables>;

/** One open database. Durable: when a transaction resolves it survives a power cut. */
export interface Database {
  /**
   * For reads, and for single statements. Reads see what was committed last and wait for nobody. Inside `transaction`
   * only its `tx` may write.
   */
  readonly query: Queries;
  /**
   * Runs `work` in one serialisable transaction: all of it or nothing. `work` does nothing but queries on `tx` (no
   * pictures, no blobs): writers wait for it.
   */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * What `read` gave for `key`, remembered until anything is committed, by this process or another: for what nearly
   * every request asks. `read` only reads; nobody changes what it gave. What it throws is not remembered.
   */
  remember<T>(key: string, read: () => Promise<T>): Promise<T>;
  /**
   * Moves the log into the database file and empties it, so that overwritten content is gone from both; `false` when a
   * reader was in the way: try again.
   */
  checkpoint(): Promise<boolean>;
  /** Writes the database as it is at this moment to a new file, holding nobody up but readers of this process. */
  copyTo(path: string): Promise<void>;
  /**
   * What the engine itself finds wrong with its files and references, in its own words without any content; empty =
   * sound. Reads everything: not for a server at work.
   */
  faults(): Promise<string[]>;
  close(): Promise<void>;
}
