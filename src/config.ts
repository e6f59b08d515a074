import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError, expected } from './base/errors.ts';

/** Every setting of the server. This file is the only reader of `process.env`. */
export interface Config {
  /** `OWNSIGHT_PORT`: TCP port, 0 = any free one. Default 3340. */
  readonly port: number;
  /** `OWNSIGHT_HOST`: address to listen on. Default 127.0.0.1: this machine only. */
  readonly host: string;
  /** `OWNSIGHT_HOME`: the data directory. Default `./data`. */
  readonly home: string;
  /** `OWNSIGHT_KEYS`: the key store, apart from the data and its backups. Default beside it: `<home>-keys`. */
  readonly keyStore: string;
  /**
   * `OWNSIGHT_MASTER_KEY_FILE`: the master key, 32 bytes in base64. Default `<keys>/master.key`, made on the first
   * start.
   */
  readonly masterKeyFile: string;
  /**
   * `OWNSIGHT_PUBLIC_URL`: how clients reach this server, for the links in its answers. Default: the address of each
   * request.
   */
  readonly publicUrl: string | undefined;
  /**
   * `OWNSIGHT_ALLOW_NETWORKS`: networks (CIDR, comma separated) that pictures and projects may be fetched from, and models
   * and messages sent to, although they are private. Default none.
   */
  readonly allowNetworks: readonly string[];
  /**
   * `OWNSIGHT_ALLOW_FOLDERS`: folders (comma separated) that projects may have exported models and messages put into, and
   * into folders in them. Default none.
   */
  readonly allowFolders: readonly string[];
  /**
   * `OWNSIGHT_THREADS`: cores to compute on: threads for predictions and features, and again as many for a network that
   * learns, which gives way to them. Default: one a core, at most 8.
   */
  readonly threads: number | undefined;
  /**
   * `OWNSIGHT_STORE_PREDICTIONS`: `never` = answers are given, but no picture that is asked about is kept, in any
   * project. Default: each project's own setting.
   */
  readonly storePredictions: boolean;
  /**
   * `OWNSIGHT_RESTART_AFTER`: seconds without a request after which the server, once an account has been erased, begins
   * anew with empty memory. Default 5; `never`, here `undefined`: only when you start it.
   */
  readonly restartAfter: number | undefined;
  /**
   * `OWNSIGHT_TIER`: the pricing tier whose limits new accounts begin with, and beyond which their owners cannot go by
   * themselves: `F0` or `S0`. Default: none, here `Unlimited`.
   */
  readonly tier: 'F0' | 'S0' | 'Unlimited';
  /** `OWNSIGHT_LOG`: `silent`, `error`, `warn` or `info`. Default `info`. */
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info';
}

/** The settings in `env`. @throws AppError `BadSetting` naming the variable, what was expected and what came. */
export function readConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const text = (name: string): string | undefined => env[name]?.trim() || undefined;
  const list = (name: string): string[] =>
    (text(name) ?? '')
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '');
  const integer = (name: string, least: number, most: number): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const number = Number(value);
    if (!Number.isInteger(number) || number < least || number > most)
      throw new AppError('BadSetting', expected(`a whole number from ${least} to ${most}`, name, value));
    return number;
  };
  const level = text('OWNSIGHT_LOG') ?? 'info';
  if (level !== 'silent' && level !== 'error' && level !== 'warn' && level !== 'info')
    throw new AppError('BadSetting', expected('silent, error, warn or info', 'OWNSIGHT_LOG', level));
  const storing = text('OWNSIGHT_STORE_PREDICTIONS');
  if (storing !== undefined && storing !== 'never')
    throw new AppError('BadSetting', expected('never, or nothing', 'OWNSIGHT_STORE_PREDICTIONS', storing));
  const tier = text('OWNSIGHT_TIER') ?? 'Unlimited';
  if (tier !== 'F0' && tier !== 'S0' && tier !== 'Unlimited')
    throw new AppError('BadSetting', expected('F0, S0 or Unlimited', 'OWNSIGHT_TIER', tier));
  const directory = (path: string): string => resolve(path.replace(/^~(?=\/|$)/, homedir()));
  const home = directory(text('OWNSIGHT_HOME') ?? './data');
  const keyStore = directory(text('OWNSIGHT_KEYS') ?? join(dirname(home), `${basename(home)}-keys`));
  return {
    port: integer('OWNSIGHT_PORT', 0, 65535) ?? 3340,
    host: text('OWNSIGHT_HOST') ?? '127.0.0.1',
    home,
    keyStore,
    masterKeyFile: directory(text('OWNSIGHT_MASTER_KEY_FILE') ?? join(keyStore, 'master.key')),
    publicUrl: text('OWNSIGHT_PUBLIC_URL')?.replace(/\/+$/, ''),
    allowNetworks: list('OWNSIGHT_ALLOW_NETWORKS'),
    allowFolders: list('OWNSIGHT_ALLOW_FOLDERS').map(directory),
    threads: integer('OWNSIGHT_THREADS', 1, 64),
    storePredictions: storing === undefined,
    restartAfter:
      text('OWNSIGHT_RESTART_AFTER') === 'never' ? undefined : (integer('OWNSIGHT_RESTART_AFTER', 0, 3600) ?? 5),
    tier,
    logLevel: level,
  };
}

/**
 * The environment of a process that takes the place of this one: as it is, but for the port this one had, and the process
 * whose end it is to end with (`scripts/parent.mjs`).
 */
export const environmentFor = ({ port, parent }: { port: number; parent: number }): NodeJS.ProcessEnv => ({
  ...process.env,
  OWNSIGHT_PORT: String(port),
  OWNSIGHT_PARENT: String(parent),
});
