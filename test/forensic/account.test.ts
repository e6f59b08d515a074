import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runOwnsight, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { accountCiphertextOf, ciphertextOf, isErased } from './ciphertext.ts';
import { type Canary, needlesOf } from './needles.ts';
import { scanBytes, scanFolders } from './scan.ts';
import { client, noise } from './victim.ts';

test('a deleted account leaves nothing: no name, no address, no key, no ciphertext of it in any file', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-forensic-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [home, keys, temporary, said] = ['data', 'data-keys', 'temporary', 'said'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  for (const path of [temporary, said]) mkdirSync(path);
  const server = await startServer({ home, env: { TMPDIR: temporary, OWNSIGHT_LOG: 'info' } });
  t.after(() => server.kill());

  const [name, address] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')];
  const made = await runOwnsight(home, ['account', 'create', name, '--email', `${address}@example.org`, '--json']);
  const account = JSON.parse(made.output) as { account: string; keys: Record<'training' | 'prediction', object> };
  const { training, prediction } = account.keys as Record<'training' | 'prediction', { primary: string }>;
  const access = { ...server, trainingKey: training.primary, predictionKey: prediction.primary };
  const { json } = client(access);
  const projects = '/customvision/v3.3/training/projects';
  const inside = randomBytes(16).toString('hex');
  const project = await json<{ id: string }>('POST', `${projects}?name=${inside}`);
  await json('POST', `${projects}/${project.id}/images/files`, {
    images: [{ contents: (await noise()).toString('base64') }],
  });

  const canaries: Canary[] = [
    { kind: 'user name', bytes: Buffer.from(name) },
    { kind: 'e-mail address', bytes: Buffer.from(address) },
    { kind: 'project name', bytes: Buffer.from(inside) },
    ...Object.entries(account.keys).flatMap(([purpose, pair]) =>
      Object.entries(pair).map(([slot, key]) => ({ kind: `${slot} ${purpose} key`, bytes: Buffer.from(String(key)) })),
    ),
  ];
  const plain = { needles: canaries.flatMap(needlesOf), looks: [] };
  const scan = (wanted: Parameters<typeof scanFolders>[0]) => {
    writeFileSync(join(said, 'output'), server.output());
    return scanFolders(wanted, [home, keys, temporary, said]);
  };
  const kinds = (hits: readonly { kind: string; where: string }[]) => [
    ...new Set(hits.map(({ kind, where }) => `${kind} in ${where}`)),
  ];

  assert.deepEqual(kinds(await scan(plain)), [], 'while the account is there');
  const shown = [await json('GET', '/customvision/v1.2/training/account'), await json('GET', projects)];
  const read = await scanBytes(plain, 'answers', Buffer.from(JSON.stringify(shown)));
  assert.deepEqual([...new Set(read.map((hit) => hit.kind))].sort(), canaries.map(({ kind }) => kind).sort());
  const stores = { home, keys };
  const cipher = [
    ...accountCiphertextOf(stores, account.account),
    ...ciphertextOf(stores, account.account, project.id),
  ];
  const lying = new Set((await scan({ needles: cipher, looks: [] })).map((hit) => hit.kind));
  assert.deepEqual([...lying].sort(), [...new Set(cipher.map((one) => one.kind))].sort());
  assert.ok(lying.has('ciphertext: accounts.email') && lying.has('ciphertext: account key'));

  await json('POST', '/ownsight/v1/account/deletion', { name, undoDays: 0 });
  await until(
    async () => isErased(home, 'accounts', account.account, performance.timeOrigin + performance.now()),
    (erased) => erased,
    30,
  );
  const left = await scan({ needles: [...plain.needles, ...cipher], looks: [] });
  assert.deepEqual(kinds(left), [], 'after its deletion');
});
