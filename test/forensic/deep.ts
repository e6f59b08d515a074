import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servePictures } from '../fixtures/picture-server.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { accountCiphertextOf, ciphertextOf, featuresOf, isErased, keysOf } from './ciphertext.ts';
import { walkFields } from './fields.ts';
import { inspect } from './inspector.ts';
import { memoryOf } from './memory.ts';
import { type Needle, needlesOf, searcher } from './needles.ts';
import { mountRawDisk } from './raw-disk.ts';
import { type Hit, scanBytes } from './scan.ts';
import { tracing, writing, writtenPaths } from './system-calls.ts';
import { client, plantVictim } from './victim.ts';

/** What a look below files found: at system calls, at the raw disk, at memory. */
export interface DeepReport {
  /** Why the run proves nothing. */
  readonly void: readonly string[];
  /** Paths outside data and keys that the server wrote to, if only for a moment; and plain text in any path. */
  readonly paths: readonly string[];
  /** Plain text and bare keys on the raw disk while the account was there. */
  readonly rawBefore: readonly string[];
  /** The same, and wrapped keys, after it was deleted: in free blocks too. */
  readonly rawAfter: readonly string[];
  /** What the server still held of the account after its deletion. */
  readonly held: readonly string[];
  /** Keys anywhere in the server's memory, freed memory included, after the deletion. */
  readonly keysInMemory: readonly string[];
  /** Anything anywhere in the memory of the same process, when it has begun anew. */
  readonly memory: readonly string[];
  /** Kinds of canaries found anywhere in memory before the deletion, and in freed memory after it. */
  readonly figures: { readonly before: number; readonly freed: number; readonly canaries: number };
}

const outside = /^(\/dev\/(null|tty|urandom|shm\/[^/]+)|\/proc\/self\/.*|\/sys\/.*)$/;

/** Fills an account on a disk of its own with canaries, deletes it, and looks below the files. Needs what `cannotMount` names. */
export async function examineDeep({
  tree,
  allVersions = false,
}: {
  tree?: string;
  allVersions?: boolean;
} = {}): Promise<DeepReport> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-deep-'));
  const disk = mountRawDisk();
  const [home, keys, temporary] = ['data', 'data-keys', 'temporary'].map((name) => join(disk.path, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(temporary);
  const files = new Map<string, Uint8Array>();
  const web = await servePictures(files);
  const log = join(folder, 'calls');
  const env = {
    TMPDIR: temporary,
    OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8',
    NODE_OPTIONS: '--inspect=127.0.0.1:0',
    OWNSIGHT_RESTART_AFTER: '0',
  };
  let server: TestServer | undefined;
  try {
    server = await startServer({
      home,
      env,
      under: tracing(log, writing),
      ...(tree === undefined ? {} : { tree }),
    });
    const { pid, account } = server;
    const made = await runOwnsight(home, ['account', 'create', 'beside', '--json']);
    const beside = (JSON.parse(made.output) as { keys: { training: { primary: string } } }).keys.training.primary;
    const pictureAt = (bytes: Buffer, path: string): string => {
      files.set(path, bytes);
      return web.url('') + path;
    };
    const victim = await plantVictim(server, pictureAt);
    const { projectId } = victim;
    const walk = await walkFields(server, victim, pictureAt, { allVersions });
    const canaries = [...victim.kept, ...victim.passing, ...walk.canaries];
    const stores = { home, keys };
    const plain = [...canaries.flatMap(needlesOf), ...featuresOf(stores, account, projectId)];
    const bare = keysOf(stores, account, projectId);
    const cipher = [...accountCiphertextOf(stores, account), ...ciphertextOf(stores, account, projectId)];
    const wrapped = cipher.filter(({ kind }) => /(account|project) key$/.test(kind));

    const rawBefore = disk.search([...plain, ...bare]);
    const lying = kindsOf(disk.search(cipher));
    const before = kindsOf(inMemory(pid, [...plain, ...bare]));
    const missed = [
      ...[...kindsOf(cipher)].filter((kind) => !lying.has(kind)).map((kind) => `not found on the raw disk: ${kind}`),
      ...[...kindsOf(bare)].filter((kind) => !before.has(kind)).map((kind) => `not found in memory: ${kind}`),
    ];
    if (before.size < 30) missed.push(`expected 30 kinds in memory and more but found ${before.size}`);

    const going = keepWaiting(server, beside);
    await client(server).json('POST', '/ownsight/v1/account/deletion', { name: 'owner', undoDays: 0 });
    await until(
      async () => isErased(home, 'accounts', account, performance.timeOrigin + performance.now()),
      (erased) => erased,
      60,
    );
    const inspector = await inspect(server.output());
    const { snapshot, buffers } = await inspector.held();
    inspector.close();
    const look = async (name: string, bytes: Buffer) =>
      scanBytes({ needles: [...plain, ...bare], looks: [] }, name, bytes);
    const held = [...(await look('the heap', snapshot)), ...(await look('buffers', buffers))];
    if (!buffers.includes('ownsight') && snapshot.length < 1e6) missed.push('expected a heap to look at');
    const keysInMemory = inMemory(pid, bare);
    const freed = kindsOf(inMemory(pid, plain)).size;

    going.destroy();
    // If it does not begin anew, what is found says enough.
    await until(
      async () => server!.output().split('Ownsight is running').length,
      (parts) => parts > 2,
      30,
    ).catch(() => undefined);
    const memory = inMemory(pid, [...plain, ...bare]);
    await client({ ...server, trainingKey: beside }).json('GET', '/customvision/v3.3/training/projects');
    await server.stop();
    disk.unmount();
    const rawAfter = disk.search([...plain, ...bare, ...wrapped]);

    const paths = writtenPaths(log);
    if (!paths.some((path) => path.startsWith(join(home, 'blobs')))) missed.push('no blob among the paths');
    const strange = paths.filter(
      (path) => path.startsWith('/') && ![home, keys].some((root) => path === root || path.startsWith(`${root}/`)),
    );
    const named = await look('the name of a path', Buffer.from(paths.join('\n')));
    return {
      void: missed,
      paths: [
        ...strange.filter((path) => !outside.test(path) && !/\/ready\.json|\/ownsight-ready-/.test(path)),
        ...summary(named),
      ],
      rawBefore: summary(rawBefore),
      rawAfter: summary(rawAfter),
      held: summary(held),
      keysInMemory: summary(keysInMemory),
      memory: summary(memory),
      figures: { before: before.size, freed, canaries: canaries.length },
    };
  } finally {
    await server?.kill();
    await web.close();
    disk.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A request that does not end, which keeps a server from beginning anew. */
function keepWaiting({ endpoint }: TestServer, key: string): { destroy(): void } {
  const headers = { 'Training-Key': key, 'Content-Length': 2 };
  const going = request(`${endpoint}/ownsight/v1/account/deletion`, { method: 'POST', headers });
  going.on('error', () => undefined).write(' ');
  return going;
}

/** What of some needles lies anywhere in a process's memory. */
function inMemory(pid: number, needles: readonly Needle[]): Hit[] {
  const search = searcher(needles);
  const hits: Hit[] = [];
  for (const { name, bytes } of memoryOf(pid))
    for (const { needle } of search(bytes)) hits.push({ ...needle, where: name });
  return hits;
}

const kindsOf = (list: readonly { readonly kind: string }[]): Set<string> => new Set(list.map(({ kind }) => kind));

const summary = (hits: readonly Hit[]): string[] => [
  ...new Set(hits.map(({ kind, encoding, where }) => `${kind}, as ${encoding}, in ${where}`)),
];
