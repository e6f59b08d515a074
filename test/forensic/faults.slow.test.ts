import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { examine } from './examination.ts';
import { faults } from './faults.ts';
import { copyTree, plant } from './planting.ts';

let tree: ReturnType<typeof copyTree>;

before(() => {
  tree = copyTree();
});
after(() => tree?.remove());

test('a copy of the source tree is found as sound as the tree itself', async () => {
  const { figures, ...report } = await examine({ tree: tree.path, allVersions: true });
  assert.deepEqual(report, { void: [], unsealed: [], left: [], bystander: [] });
  assert.ok(figures.requests > 1000);
});

for (const fault of faults)
  test(`a planted fault is found: ${fault.name}`, async (t) => {
    t.after(plant(tree.path, fault));
    const { unsealed, left } = await examine({ tree: tree.path });
    assert.match([...unsealed, ...left].join('\n'), fault.finding);
  });
