import { join } from 'node:path';
import { separateBuffers } from './base/buffers.ts';
import { systemClock } from './base/clock.ts';
import { pinoLog } from './base/log-pino.ts';
import type { Config } from './config.ts';
import { type EmbeddedQueue, sqliteQueue } from './queue/queue-sqlite.ts';
import { modelsFolder } from './services/backbones.ts';
import type { App } from './services/context.ts';
import { createFetcher } from './services/fetcher-http.ts';
import { createLearning } from './services/learning.ts';
import { createModels } from './services/models.ts';
import { createTraces, type Traces } from './services/traces.ts';
import { createTransfers } from './services/transfers.ts';
import { anyAccount } from './store/accounts.ts';
import { diskBlobs } from './store/blobs-disk.ts';
import type { Database } from './store/database.ts';
import { openSqlite } from './store/database-sqlite.ts';
import { erasedList } from './store/erased-list.ts';
import type { Keys } from './store/keys.ts';
import { openKeys } from './store/keys-files.ts';
import { diskOpener } from './store/opener.ts';
import { diskReserve, sparing } from './store/reserve.ts';
import { createVision } from './vision/threads/vision-threads.ts';

/** A key store that was lost must not be replaced by an empty one: so the data is asked first whether it needs it. */
async function openKeysFor(db: Database, { keyStore, masterKeyFile }: Config, traces: Traces): Promise<Keys> {
  try {
    const needed = await anyAccount(db.query);
    return openKeys({ folder: keyStore, masterKeyFile, needed, onUse: traces.note });
  } catch (error) {
    await db.close();
    throw error;
  }
}

const MiB = 1024 * 1024;

/** An application whose stores are open. */
export interface OpenApp extends App {
  readonly queue: EmbeddedQueue;
  /** Stops the threads and closes the database. */
  close(): Promise<void>;
}

/**
 * Opens the stores of `config` and puts the application together; the only place that names concrete drivers. Nothing
 * listens and no job runs yet: see `cli/serve.ts`. Several processes may have the same stores open.
 * @throws AppError when the database, the blobs or the keys cannot be opened; the message says what to do.
 */
export async function openApp(config: Config): Promise<OpenApp> {
  separateBuffers();
  const clock = systemClock();
  const log = pinoLog(config.logLevel);
  const reserve = diskReserve([
    { path: join(config.home, 'reserve'), bytes: 8 * MiB },
    { path: join(config.keyStore, 'reserve'), bytes: MiB / 4 },
  ]);
  const db = await reserve.giveWay(() => openSqlite(join(config.home, 'ownsight.db'), clock));
  const traces = createTraces();
  const keys = await openKeysFor(db, config, traces);
  const blobFolder = join(config.home, 'blobs');
  const blobs = sparing(await diskBlobs(blobFolder), reserve);
  const opener = diskOpener(blobFolder, keys);
  const vision = createVision({
    ...(config.threads !== undefined && { threads: config.threads }),
    modelsFolder: modelsFolder(config),
  });
  return {
    config,
    clock,
    log,
    db,
    blobs,
    keys,
    opener,
    vision,
    queue: sqliteQueue(db, clock),
    erased: erasedList(config.keyStore),
    reserve,
    fetcher: createFetcher({ allowNetworks: config.allowNetworks }),
    models: createModels({ db, blobs, keys }),
    learning: createLearning(clock),
    transfers: createTransfers(),
    traces,
    async close() {
      await opener.close();
      await vision.close();
      await db.close();
    },
  };
}
