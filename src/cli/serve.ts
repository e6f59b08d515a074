import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Command } from 'commander';
import { type OpenApp, openApp } from '../app.ts';
import { hasCode, writeFileDurablySync } from '../base/durable.ts';
import { AppError, expected } from '../base/errors.ts';
import { type Config, readConfig } from '../config.ts';
import type { AccountKeys } from '../domain/account.ts';
import { createServer } from '../http/server.ts';
import { workOf } from '../jobs/work.ts';
import type { Queue } from '../queue/queue.ts';
import { startWorker } from '../queue/worker.ts';
import { createAccount, listAccounts, viewKeys } from '../services/accounts.ts';
import { recover } from '../services/recovery.ts';
import { clearSpool, interruptRestores } from '../services/restore/restores.ts';
import { lockFile } from '../store/database-sqlite.ts';
import { beginAnew, canBeginAnew, countRequests, whenCalm } from './anew.ts';
import { lockRestores } from './restore-lock.ts';

/** How long a stop may take before the process ends anyway, ms. What is cut off then is taken up again at the next start. */
const stopTime = 4500;

/** How long requests have to end when the server stops, ms. */
const requestTime = 3000;

/** How long a server that is to begin anew waits for a pause, and for work under way, ms. */
const patience = { noise: 60_000, work: 3_600_000 };

/** `ownsight serve`: the server and its worker in one process, until SIGTERM or SIGINT. */
export function serveCommand(): Command {
  return new Command('serve')
    .description('run the server')
    .option(
      '--ready-file <path>',
      'write {endpoint, account, trainingKey, predictionKey} there once the server answers; removed when it stops',
    )
    .action((options: { readyFile?: string }) => serve(options));
}

async function serve(options: { readyFile?: string }): Promise<void> {
  const config = readConfig();
  const unlock = lockFile(join(config.home, 'server.lock'));
  const app = await openApp(config);
  const { reserve } = app;
  await clearSpool(app);
  reserve.makeWay();
  await reserve.giveWay(async () => (await lockRestores(app))?.unlock());
  await reserve.giveWay(() => recover(app));
  reserve.fill();
  const account = (await listAccounts(app))[0] ?? (await createAccount(app, { userName: 'owner', tier: config.tier }));
  const server = await createServer(app);
  const asked = countRequests(server.server);
  try {
    await server.listen({ host: config.host, port: config.port });
  } catch (error) {
    await app.close();
    unlock();
    throw cannotListen(config, error);
  }
  const keys = await reserve.giveWay(() => viewKeys(app, account.id, 'start'));
  const all = workOf(app);
  const worker = startWorker({
    ...all,
    queue: persistent(app),
    handle: (name, payload, run) => {
      const work = () => all.handle(name, payload, run);
      if (name !== 'purge' && name !== 'retention' && name !== 'trash') return work();
      // The end of an account replaces the master key, if there is room for that; it does not insist.
      if (name === 'purge' && payload.projectId === undefined) reserve.makeWay();
      return reserve.giveWay(work).finally(reserve.fill);
    },
  });
  const address = server.server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  const endpoint = config.publicUrl ?? `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
  let ending: 'for good' | 'to begin anew' | undefined;
  const end = (): never => (ending === 'for good' ? process.exit(0) : beginAnew(port));
  const stop = async (how: 'for good' | 'to begin anew'): Promise<void> => {
    const isEnding = ending !== undefined;
    ending = how;
    if (isEnding) return;
    setTimeout(end, stopTime).unref();
    setTimeout(() => server.server.closeAllConnections(), requestTime).unref();
    if (options.readyFile !== undefined) rmSync(options.readyFile, { force: true });
    await Promise.all([server.close(), worker.stop(), interruptRestores(app)]);
    await app.close();
    unlock();
    // A signal that came in this turn of the event loop is heard in the next one, and may have changed how it ends.
    for (let turn = 0; turn < 2; turn++) await setImmediate();
    end();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop('for good'));
  if (options.readyFile !== undefined) writeReadyFile(options.readyFile, endpoint, account.id, keys);
  process.stdout.write(greeting(config, endpoint, keys));
  app.log.info('started', { port });
  await app.traces.left;
  const why = 'an account was erased, and freed memory may hold parts of it';
  const quiet = config.restartAfter;
  if (quiet === undefined || !canBeginAnew()) return app.log.warn('restart-needed', { why });
  await whenCalm(asked, () => worker.isBusy() || app.transfers.restores.size > 0, { ...patience, quiet: quiet * 1000 });
  if (ending !== undefined) return;
  app.log.info('beginning-anew', { why });
  await stop('to begin anew');
}

/** The queue, of which nothing that deletions need fails on a full disk. */
const persistent = ({ queue, reserve }: OpenApp): Queue => ({
  ...queue,
  claim: (...given) => reserve.giveWay(() => queue.claim(...given)),
  heartbeat: (...given) => reserve.giveWay(() => queue.heartbeat(...given)),
  finish: (...given) => reserve.giveWay(() => queue.finish(...given)),
});

/** Why the port cannot be had, and what to do. */
function cannotListen({ host, port }: Config, error: unknown): unknown {
  if (hasCode(error, 'EADDRINUSE'))
    return new AppError(
      'BadSetting',
      `${expected('a free port', 'OWNSIGHT_PORT', port)}, on which another program listens`,
    );
  if (hasCode(error, 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'))
    return new AppError(
      'BadSetting',
      `the server cannot listen on ${host}, port ${port}: set OWNSIGHT_HOST, OWNSIGHT_PORT`,
    );
  return error;
}

/** Writes the ready file, readable by its owner only, whole or not at all. */
function writeReadyFile(path: string, endpoint: string, account: string, keys: AccountKeys): void {
  const ready = { endpoint, account, trainingKey: keys.training.primary, predictionKey: keys.prediction.primary };
  writeFileDurablySync(resolve(path), Buffer.from(JSON.stringify(ready)));
}

/** What a person reads when the server has started. */
function greeting(config: ReturnType<typeof readConfig>, endpoint: string, keys: AccountKeys): string {
  return `
Ownsight is running.

  address          ${endpoint}     (documentation: ${endpoint}/docs)
  training key     ${keys.training.primary}
  prediction key   ${keys.prediction.primary}
  data             ${config.home}
  keys             ${config.keyStore}     (back them up apart from the data)

Train a first model, in another window:

  export OWNSIGHT_ENDPOINT=${endpoint}
  export OWNSIGHT_TRAINING_KEY=${keys.training.primary} OWNSIGHT_PREDICTION_KEY=${keys.prediction.primary}
  npm run quickstart

Stop with Ctrl-C.
`;
}
