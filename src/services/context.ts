import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config.ts';
import type { Queue } from '../queue/queue.ts';
import type { BlobStore } from '../store/blobs.ts';
import type { Database } from '../store/database.ts';
import type { ErasedList } from '../store/erased-list.ts';
import type { Keys } from '../store/keys.ts';
import type { Opener } from '../store/opener.ts';
import type { Reserve } from '../store/reserve.ts';
import type { Vision } from '../vision/vision.ts';
import type { Fetcher } from './fetcher.ts';
import type { Learning } from './learning.ts';
import type { Models } from './models.ts';
import type { Traces } from './traces.ts';
import type { Transfers } from './transfers.ts';

/** Everything a use case may need. Services take `Pick<App, …>` of it, so a signature says what a use case touches. */
export interface App {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly db: Database;
  readonly blobs: BlobStore;
  readonly keys: Keys;
  readonly opener: Opener;
  readonly queue: Queue;
  readonly erased: ErasedList;
  readonly reserve: Reserve;
  readonly vision: Vision;
  readonly fetcher: Fetcher;
  readonly models: Models;
  readonly learning: Learning;
  readonly transfers: Transfers;
  readonly traces: Traces;
  /** The key that asks, as the account's log names it; absent: a command or a job. */
  readonly by?: string;
}

/** One project of one account: what most use cases are about. Both ids lower case. */
export interface ProjectScope {
  readonly accountId: string;
  readonly projectId: string;
}
