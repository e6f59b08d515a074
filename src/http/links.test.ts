import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { second } from '../base/clock.ts';
import { newId } from '../base/id.ts';
import { type LinkTarget, linkPath, linkTarget } from '../services/link-path.ts';
import { openKeys } from '../store/keys-files.ts';
import { createLinks, isLinkValid } from './links.ts';

const folder = mkdtempSync(join(tmpdir(), 'ownsight-links-'));
after(() => rmSync(folder, { recursive: true }));

const scope = { accountId: newId(), projectId: newId() };
const keys = openKeys({ folder, masterKeyFile: join(folder, 'master.key') });
keys.create({ accountId: scope.accountId });
keys.create(scope);
let now = Date.parse('2026-01-31T10:00:00.5Z') * 1000;
const app = { keys, clock: { now: () => now } };
const id = newId();

const targets: readonly (readonly [LinkTarget, RegExp])[] = [
  [{ kind: 'image', projectId: scope.projectId, id, size: 'original' }, /^\/i-[0-9a-f]{32}\/i-[0-9a-f]{32}$/],
  [{ kind: 'image', projectId: scope.projectId, id, size: 'thumbnail' }, /^\/i-[0-9a-f]{32}\/t-[0-9a-f]{32}$/],
  [
    { kind: 'prediction', projectId: scope.projectId, id, size: 'original' },
    /^\/predictionimages\/[0-9a-f-]{36}\/o-[0-9a-f]{32}$/,
  ],
  [
    { kind: 'prediction', projectId: scope.projectId, id, size: 'thumbnail' },
    /^\/predictionimages\/[0-9a-f-]{36}\/t-[0-9a-f]{32}$/,
  ],
  [
    { kind: 'export', projectId: scope.projectId, iterationId: id, platform: 'ONNX', flavor: null },
    /^\/m-[0-9a-f]{32}\/[0-9a-f]{32}\.ONNX\.zip$/,
  ],
  [
    { kind: 'export', projectId: scope.projectId, iterationId: id, platform: 'ONNX', flavor: 'OnnxFloat16' },
    /\.ONNX\.OnnxFloat16\.zip$/,
  ],
];

test('paths have the form of recorded links, and lead back to what they were made for', () => {
  for (const [target, form] of targets) {
    assert.match(linkPath(target), form);
    assert.deepEqual(linkTarget(linkPath(target)), target);
    assert.deepEqual(linkTarget(linkPath(target).slice(1)), target);
  }
  for (const path of [
    '/',
    '/i-1/i-2',
    `/i-${'0'.repeat(32)}/x-${'0'.repeat(32)}`,
    `/m-${'0'.repeat(32)}/../ONNX.zip`,
    `/predictionimages/${'-'.repeat(36)}/o-${'0'.repeat(32)}`,
  ])
    assert.equal(linkTarget(path), undefined, path);
});

test('a link is good for 24 hours, for its own target and project, until the key is gone', () => {
  const links = createLinks(app, scope.accountId, 'http://here');
  const link = new URL(links.image(scope.projectId, id, 'original'));
  const target = linkTarget(link.pathname)!;
  const given = { sig: link.searchParams.get('sig')!, se: link.searchParams.get('se')! };
  assert.equal(given.se, '2026-02-01T10:00:00Z');
  assert.equal(isLinkValid(app, scope, target, given), true);
  for (const [other] of targets.slice(1)) assert.equal(isLinkValid(app, scope, other, given), false);
  assert.equal(isLinkValid(app, scope, target, { ...given, se: '2027-02-01T10:00:00Z' }), false);
  assert.equal(isLinkValid(app, scope, target, { se: given.se }), false);
  const foreign = { accountId: newId(), projectId: newId() };
  keys.create({ accountId: foreign.accountId });
  keys.create(foreign);
  assert.equal(isLinkValid(app, foreign, target, given), false);

  const made = now;
  now = made + 24 * 3600 * second - second;
  assert.equal(isLinkValid(app, scope, target, given), true);
  now = made + 24 * 3600 * second;
  assert.equal(isLinkValid(app, scope, target, given), false);
  now = made;
  keys.destroy(scope);
  assert.equal(isLinkValid(app, scope, target, given), false);
});
