import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { examineDeep } from './deep.ts';
import { deepFaults } from './faults.ts';
import { copyTree, plant } from './planting.ts';
import { cannotMount } from './raw-disk.ts';

const skip = cannotMount() ?? false;
let tree: ReturnType<typeof copyTree>;

before(() => {
  tree = copyTree();
});
after(() => tree?.remove());

test('below the files: nothing in system calls, on the raw disk, in memory', { skip }, async (t) => {
  const { figures, ...report } = await examineDeep({ allVersions: true });
  t.diagnostic(
    `${figures.canaries} canaries; kinds in memory before: ${figures.before}, in freed memory after: ${figures.freed}`,
  );
  assert.deepEqual(report, {
    void: [],
    paths: [],
    rawBefore: [],
    rawAfter: [],
    held: [],
    keysInMemory: [],
    memory: [],
  });
});

for (const fault of deepFaults)
  test(`a planted fault is found below the files: ${fault.name}`, { skip }, async (t) => {
    t.after(plant(tree.path, fault));
    const { void: _, figures, ...report } = await examineDeep({ tree: tree.path });
    const findings = Object.entries(report).flatMap(([where, found]) => found.map((one) => `${where}: ${one}`));
    assert.match(findings.join('\n'), fault.finding);
  });
