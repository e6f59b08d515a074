import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root } from '../fixtures/server.ts';
import { examine } from './examination.ts';
import { faults } from './faults.ts';

let tree: string;

before(() => {
  tree = mkdtempSync(join(tmpdir(), 'ownsight-tree-'));
  for (const name of readdirSync(root))
    if (name === 'src') cpSync(join(root, name), join(tree, name), { recursive: true });
    else symlinkSync(join(root, name), join(tree, name));
});
after(() => rmSync(tree, { recursive: true, force: true }));

test('a copy of the source tree is found as sound as the tree itself', async () => {
  const { figures, ...report } = await examine({ tree });
  assert.deepEqual(report, { void: [], unsealed: [], left: [], bystander: [] });
  assert.ok(figures.needles > 500);
});

for (const { name, file, change, finding } of faults)
  test(`a planted fault is found: ${name}`, async (t) => {
    const path = join(tree, 'src', file);
    const sound = readFileSync(path, 'utf8');
    assert.equal(sound.split(change[0]).length, 2, `expected once in ${file}: ${change[0]}`);
    writeFileSync(
      path,
      sound.replace(change[0], () => change[1]),
    );
    t.after(() => writeFileSync(path, sound));
    const { unsealed, left } = await examine({ tree });
    assert.match([...unsealed, ...left].join('\n'), finding);
  });
