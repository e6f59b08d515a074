import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../fixtures/server.ts';
import type { Fault } from './faults.ts';

/** A copy of the source tree; all beside `src` is shared. */
export function copyTree(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'ownsight-tree-'));
  for (const name of readdirSync(root))
    if (name === 'src') cpSync(join(root, name), join(path, name), { recursive: true });
    else symlinkSync(join(root, name), join(path, name));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Plants a fault in such a copy; returns what takes it out again. */
export function plant(tree: string, { file, change }: Fault): () => void {
  const path = join(tree, 'src', file);
  const sound = readFileSync(path, 'utf8');
  assert.equal(sound.split(change[0]).length, 2, `expected once in ${file}: ${change[0]}`);
  writeFileSync(
    path,
    sound.replace(change[0], () => change[1]),
  );
  return () => writeFileSync(path, sound);
}
