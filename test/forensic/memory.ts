import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

/** A run of a process's memory. */
export interface Region {
  /** What the system calls it: a file, `[heap]`, `[stack]`, or `anonymous`. */
  readonly name: string;
  readonly from: number;
  readonly bytes: Buffer;
}

/** Bytes read at once; parts overlap by what a needle is long at most. */
const atOnce = 64 << 20;
const overlap = 4096;

/**
 * Everything another process holds in memory that it can write to: what it reads only is its own program. Linux; needs the
 * right to trace it. Pages that are gone by the time they are read are passed over.
 */
export function* memoryOf(pid: number): Generator<Region> {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, mode, name] = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line) ?? [];
      if (from === undefined || to === undefined || !mode?.startsWith('rw') || name === '[vvar]') continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += atOnce) {
        const bytes = readOrNothing(memory, at, Math.min(end - at, atOnce + overlap));
        if (bytes !== undefined) yield { name: name || 'anonymous', from: at, bytes };
      }
    }
  } finally {
    closeSync(memory);
  }
}

function readOrNothing(memory: number, at: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length);
  try {
    return bytes.subarray(0, readSync(memory, bytes, 0, length, at));
  } catch {
    return undefined;
  }
}
