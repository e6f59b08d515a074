import { createWriteStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Bytes that wait to be written while others are: written together, they take a fraction of the time. */
const waiting = 4 * 1024 * 1024;

/**
 * Writes a stream to a file of mode 0600; when it resolves it survives a power cut. `wx`: a new one; `a`: behind what is
 * there.
 */
export const saveStream = (stream: Readable, path: string, flags: 'wx' | 'a'): Promise<void> =>
  pipeline(stream, createWriteStream(path, { flags, mode: 0o600, flush: true, highWaterMark: waiting }));
