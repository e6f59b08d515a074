import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, makeDirectorySync, syncDirectorySync } from '../base/durable.ts';

/** A line of the list: what was erased, by number. */
export interface ErasedLine {
  readonly seq: number;
  /** A table; `hidden <table>` for what only left the workspace; `began` in the first line, whose id is the list's. */
  readonly kind: string;
  readonly id: string;
}

/**
 * The list of what was erased, in the key store: apart from the data, so that data put back from an old backup is told
 * what may not come back. Random ids only.
 */
export interface ErasedList {
  readonly path: string;
  /** Every whole line, oldest first; none when there is no list. */
  read(): ErasedLine[];
  /** The number of the last whole line; 0 when there is none. */
  last(): number;
  /** Adds lines; durable on return. */
  append(lines: readonly ErasedLine[]): void;
}

/** Longer than any line. */
const tail = 512;

/** The list in the folder of the key store. */
export function erasedList(folder: string): ErasedList {
  const path = join(folder, 'erased');
  return {
    path,
    read() {
      return parse(readOrNothing(path));
    },
    last() {
      return parse(readTail(path)).at(-1)?.seq ?? 0;
    },
    append(lines) {
      if (lines.length === 0) return;
      makeDirectorySync(folder);
      cutOff(path);
      const fd = openSync(path, 'a', 0o600);
      try {
        const bytes = Buffer.from(lines.map(({ seq, kind, id }) => `${seq} ${id} ${kind}\n`).join(''));
        for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      syncDirectorySync(folder);
    },
  };
}

/** Lines that end; one that was cut off by a crash was never counted on. */
const parse = (text: string): ErasedLine[] =>
  text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .flatMap((line) => {
      const match = /^(\d+) (\S+) (.+)$/.exec(line);
      return match === null ? [] : [{ seq: Number(match[1]), id: match[2]!, kind: match[3]! }];
    });

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function readTail(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
  try {
    const { size } = fstatSync(fd);
    const bytes = Buffer.alloc(Math.min(size, tail));
    readSync(fd, bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8');
    // The first line may be a part of one only.
    return size > tail ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    closeSync(fd);
  }
}

/** Removes the beginning of a line that a crash cut off. */
function cutOff(path: string): void {
  const text = readTail(path);
  const extra = Buffer.byteLength(text.slice(text.lastIndexOf('\n') + 1));
  if (extra === 0) return;
  const fd = openSync(path, 'r');
  const { size } = fstatSync(fd);
  closeSync(fd);
  truncateSync(path, size - extra);
}
