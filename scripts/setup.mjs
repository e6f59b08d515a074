// Plain JavaScript for the oldest Node anybody still has: it runs before Node 24 and the libraries are there.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** The repository's root directory. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const modules = join(root, 'node_modules');
const stampFile = join(modules, '.ownsight-installed');
const lockPath = join(root, '.ownsight-setup.lock');
const neededMajor = 24;

/**
 * Guarantees that node_modules holds what the lock file says, for this platform; calls npm only when it does not.
 * Safe to call from several processes at once: one installs, the others wait. Ends the process when npm fails.
 */
export async function ensureInstalled() {
  const lockText = readFileSync(join(root, 'package-lock.json'));
  const stamp = `${process.platform} ${process.arch} ${createHash('sha256').update(lockText).digest('hex')}`;
  if (installed(stamp)) return;
  await alone(() => {
    if (installed(stamp)) return;
    if (!installedByHand(JSON.parse(lockText.toString()))) install();
    writeFileSync(stampFile, stamp);
  });
}

/** The path of a Node that can run the server: this one, or the one among the libraries. Ends the process when there is none. */
export function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= neededMajor) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const own = join(modules, `node-${platform}-${process.arch}`, 'bin', name);
  if (existsSync(own)) return own;
  return fail(
    `expected Node ${neededMajor} or newer but this is ${process.version}, and npm has no Node for ${platform} on ${process.arch} among the libraries.\n` +
      `Install Node ${neededMajor} from https://nodejs.org and run the command again.`,
  );
}

/**
 * Becomes `node <target> <args>` on Node 24 in the caller's directory; where the system cannot replace a process, runs
 * it as a child with the same streams, and passes signals down and the exit code up. `flags` are Node's own. Does not return.
 */
export function become(target, args, { flags = [] } = {}) {
  const node = findNode();
  const parent = pathToFileURL(join(root, 'scripts/parent.mjs')).href;
  // Only from Node 23.11 on, and announced as experimental there: a warning that means nothing to who starts a server.
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.removeAllListeners('warning');
    process.execve(node, [node, '--import', parent, ...flags, target, ...args], process.env);
  }
  void import(parent);
  const child = spawn(node, [...flags, target, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to the child as well; a second one would read as impatience.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => fail(`cannot run ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function installed(stamp) {
  try {
    return readFileSync(stampFile, 'utf8') === stamp;
  } catch {
    return false;
  }
}

/** Whether `npm ci` or `npm install` was run by hand: npm's own record, written last, agrees with the lock file. */
function installedByHand(lock) {
  const record = join(modules, '.package-lock.json');
  if (!existsSync(record)) return false;
  const there = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(lock.packages).every(([path, wanted]) => {
    if (path === '') return true;
    if (there[path] !== undefined) return there[path].version === wanted.version;
    return wanted.optional === true && !isForThisPlatform(wanted);
  });
}

/** Whether an optional package says it is for this system, of whatever C library. */
function isForThisPlatform({ os, cpu, libc }) {
  return libc === undefined && [os].flat().includes(process.platform) && [cpu].flat().includes(process.arch);
}

function install() {
  say(
    'installing its libraries from the lock file: about 700 MB on disk, once. This takes a minute or so on a first start…',
  );
  const begun = Date.now();
  const npm = process.env.npm_execpath;
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' };
  const result =
    npm?.endsWith('.js') === true
      ? spawnSync(process.execPath, [npm, ...args], options)
      : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (result.status !== 0) {
    // The cause comes first; npm's usage and list of flags after it help nobody here.
    const words = (result.stderr || result.error?.message || `npm ended with ${result.status ?? result.signal}`)
      .trim()
      .split('\n');
    fail(
      `npm could not install the libraries:\n  ${words.slice(0, 12).join('\n  ')}\n` +
        'They come from the npm registry: see that `npm ping` works and that the disk has 1 GB free, then run the same command again. It begins anew.',
    );
  }
  say(`installed in ${Math.round((Date.now() - begun) / 1000)} s.`);
}

/** Runs `work` while no other process of this checkout does; a lock left behind by one that died is taken over. */
async function alone(work) {
  const me = `${process.pid} ${Date.now()}`;
  for (let waiting = false; ; ) {
    try {
      writeFileSync(lockPath, me, { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = read(lockPath);
    if (holder !== '' && !alive(Number(holder.split(' ')[0]))) remove(holder);
    else if (!waiting) {
      waiting = true;
      say('another process is installing the libraries; waiting for it…');
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const release = () => read(lockPath) === me && rmSync(lockPath, { force: true });
  process.once('exit', release);
  try {
    work();
  } finally {
    release();
  }
}

/** Removes the lock if it is still `holder`'s: moved aside first, and put back when it turns out to be a newer one. */
function remove(holder) {
  const aside = `${lockPath}.${process.pid}`;
  try {
    renameSync(lockPath, aside);
    if (read(aside) !== holder) linkSync(aside, lockPath);
  } catch {
    // Somebody else was quicker: look again.
  }
  rmSync(aside, { force: true });
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function say(text) {
  process.stderr.write(`Ownsight: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
