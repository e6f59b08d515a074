/**
 * Kills a process at a chosen one of its system calls, or, where strace is not to be had, after a chosen time. SIGKILL
 * at the entry of the call: the call itself does not happen any more.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../fixtures/server.ts';

/** The calls that change what is on the disk. */
const calls = [
  'write',
  'writev',
  'pwrite64',
  'fsync',
  'fdatasync',
  'ftruncate',
  'unlink',
  'rename',
  'link',
  'mkdir',
  'rmdir',
];

/** A program of ours, and the data directory it works on. */
export interface Program {
  readonly home: string;
  /** Script and arguments. */
  readonly argv: readonly string[];
}

/** A moment in the life of a process. */
export type Moment = { readonly call: string; readonly nth: number } | { readonly milliseconds: number };

/** How a process ended, and the last line it said. */
export interface Ended {
  readonly killed: boolean;
  readonly said: string;
  readonly errors: string;
}

const traceable = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true']).status === 0;

/** The moments at which a program can be killed, from when it opens its data. */
export interface Moments {
  /** Before each call that changes what is on the disk; none where there is no strace. */
  readonly exact: readonly Moment[];
  /** Milliseconds from its start. */
  readonly from: number;
  readonly to: number;
}

/** Lets a program run to its end twice, on data that is the same, and tells when it can be killed. */
export async function momentsOf(traced: Program, timed: Program): Promise<Moments> {
  const { exact, before } = traceable ? await trace(traced) : { exact: [], before: 1 / 3 };
  const begun = performance.now();
  await runToEnd(timed);
  const to = performance.now() - begun;
  return { exact, from: to * before, to };
}

async function trace(program: Program): Promise<{ exact: Moment[]; before: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-trace-'));
  try {
    const file = join(folder, 'trace');
    const strace = ['-f', '-ttt', '--seccomp-bpf', '-o', file, '-e', `trace=openat,${calls.join(',')}`];
    await run(['strace', ...strace], program);
    return momentsIn(readFileSync(file, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every call of a trace from the opening of the database on, and which part of the time went by before that. */
function momentsIn(trace: string): { exact: Moment[]; before: number } {
  const counts = new Map<string, number>();
  const exact: Moment[] = [];
  const times: number[] = [];
  let opened = 0;
  for (const line of trace.split('\n')) {
    const [, thread, time, call, rest] = /^(\d+) +([\d.]+) (\w+)\((.*)/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    times.push(Number(time));
    if (call === 'openat') {
      if (opened === 0 && rest!.includes('ownsight.db')) opened = Number(time);
      continue;
    }
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, nth);
    if (opened > 0) exact.push({ call, nth });
  }
  return { exact, before: (opened - times[0]!) / (times.at(-1)! - times[0]!) };
}

/** Runs a program and kills it at the moment, if that comes. */
export function runAndKill(program: Program, moment: Moment): Promise<Ended> {
  if ('milliseconds' in moment) return run([], program, moment.milliseconds);
  const { call, nth } = moment;
  // Not with --seccomp-bpf, under which strace 6.1 injects at the first call only.
  const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`];
  return run(['strace', ...strace, '-e', `inject=${call}:signal=KILL:when=${nth}`], program);
}

/** Runs a program to its end. */
export const runToEnd = (program: Program): Promise<Ended> => run([], program);

async function run(before: readonly string[], { home, argv }: Program, milliseconds?: number): Promise<Ended> {
  const [command, ...args] = [...before, process.execPath, ...argv] as [string, ...string[]];
  const cache = { NODE_COMPILE_CACHE: join(tmpdir(), 'ownsight-compiled') };
  const child = spawn(command, args, { env: environment(home, cache), stdio: ['ignore', 'pipe', 'pipe'] });
  const said: Record<'stdout' | 'stderr', string> = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  const timer = milliseconds === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), milliseconds);
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearTimeout(timer);
  const killed = signal === 'SIGKILL' || code === 137;
  if (!killed && code !== 0) throw new Error(`expected the end or a kill but ${argv.join(' ')} failed: ${said.stderr}`);
  return { killed, said: said.stdout.trimEnd().split('\n').at(-1)!, errors: said.stderr };
}
