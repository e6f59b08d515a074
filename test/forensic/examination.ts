import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { servePictures } from '../fixtures/picture-server.ts';
import { startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';
import { ciphertextOf, featuresOf, isErased } from './ciphertext.ts';
import { walkFields } from './fields.ts';
import { type Needle, needlesOf } from './needles.ts';
import { type Hit, scanBytes, scanFolders } from './scan.ts';
import { client, crawl, noise, plantVictim } from './victim.ts';

/** What an examination found. */
export interface Report {
  /** Why the run proves nothing: what the scanner ought to have found and did not. Empty = it can be believed. */
  readonly void: readonly string[];
  /** Plain text, looks and features on the disk while the project was there. */
  readonly unsealed: readonly string[];
  /** Anything of the project on the disk, ciphertext included, after it was deleted. */
  readonly left: readonly string[];
  /** What is wrong with the project beside it. */
  readonly bystander: readonly string[];
  /** How many canaries, ways in which one may lie, and bytes searched. */
  readonly figures: { readonly canaries: number; readonly needles: number; readonly requests: number };
}

/**
 * Starts the server of the source tree `tree`, fills a project with canaries, searches every file it wrote, deletes the
 * project and searches again. What it wrote is its data, its keys, its temporary files and what it said.
 */
export async function examine({
  tree,
  allVersions = false,
}: {
  tree?: string;
  allVersions?: boolean;
} = {}): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-forensic-'));
  const [home, keys, temporary, output] = ['data', 'data-keys', 'temporary', 'said'].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  for (const path of [temporary, output]) mkdirSync(path);
  const files = new Map<string, Uint8Array>();
  const web = await servePictures(files);
  const env = { TMPDIR: temporary, OWNSIGHT_LOG: 'info', OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' };
  const server = await startServer({ home, env, ...(tree === undefined ? {} : { tree }) });
  const scan = async (wanted: Parameters<typeof scanFolders>[0]): Promise<Hit[]> => {
    writeFileSync(join(output, 'output'), server.output());
    return scanFolders(wanted, [home, keys, temporary, output]);
  };
  try {
    const { json } = client(server);
    const beside = await json<{ id: string }>('POST', '/customvision/v3.3/training/projects?name=beside');
    await json('POST', `/customvision/v3.3/training/projects/${beside.id}/tags?name=beside`);
    const picture = { contents: (await noise()).toString('base64') };
    await json('POST', `/customvision/v3.3/training/projects/${beside.id}/images/files`, { images: [picture] });
    const besideBefore = ciphertextOf({ home, keys }, server.account, beside.id);

    const pictureAt = (bytes: Buffer, path: string): string => {
      files.set(path, bytes);
      return web.url('') + path;
    };
    const victim = await plantVictim(server, pictureAt);
    const { projectId, kept, passing, looks } = victim;
    const features = featuresOf({ home, keys }, server.account, projectId);
    const planted = { needles: [...[...kept, ...passing].flatMap(needlesOf), ...features], looks };

    // The same scanner must find each of them where they are in the open: in what the owner sent and can read back.
    const found = new Set<string>();
    const note = (hits: readonly Hit[]): void => {
      for (const { kind } of hits) found.add(kind);
    };
    for (const { name, bytes } of await crawl(server, projectId)) note(await scanBytes(planted, name, bytes));
    const missed = kept.filter((one) => !found.has(one.kind)).map((one) => `not read back: ${one.kind}`);
    note(await scanBytes(planted, 'sent', victim.sent));
    missed.push(
      ...passing.filter((one) => !found.has(one.kind)).map((one) => `not seen in what was sent: ${one.kind}`),
    );
    const pictures = looks.filter((one) => !found.has(one.kind) && !one.kind.includes('not to be stored'));
    missed.push(...pictures.map((one) => `not recognised: ${one.kind}`));

    const walk = await walkFields(server, victim, pictureAt, { allVersions });
    missed.push(
      ...walk.unshown.map((field) => `taken, but not shown to its owner: ${field}`),
      ...walk.untaken.map((field) => `taken by no version: ${field}`),
    );
    const words = walk.canaries.flatMap(needlesOf);
    const said = new Set((await scanBytes({ needles: words, looks: [] }, 'sent', walk.sent)).map((hit) => hit.kind));
    missed.push(...walk.canaries.filter(({ kind }) => !said.has(kind)).map(({ kind }) => `not seen as sent: ${kind}`));
    const canaries = [...kept, ...passing, ...walk.canaries];
    const plain = { needles: [...planted.needles, ...words], looks };
    const unsealed = await scan(plain);
    const cipher = ciphertextOf({ home, keys }, server.account, projectId);
    const lying = new Set((await scan({ needles: cipher, looks: [] })).map((hit) => hit.kind));
    missed.push(...cipher.filter((one) => !lying.has(one.kind)).map((one) => `not found where it lies: ${one.kind}`));
    if (features.length === 0) missed.push('no features');

    await json('DELETE', `/customvision/v3.3/training/projects/${projectId}`);
    await until(
      async () => isErased(home, 'projects', projectId, performance.timeOrigin + performance.now()),
      (erased) => erased,
      30,
    );
    const everything: Needle[] = [...plain.needles, ...cipher];
    const left = await scan({ needles: everything, looks });
    const bystander = await wrongBeside(scan, besideBefore, () =>
      json('GET', `/customvision/v3.3/training/projects/${beside.id}/tags`),
    );
    return {
      void: [...new Set(missed)],
      unsealed: summary(unsealed),
      left: summary(left),
      bystander,
      figures: { canaries: canaries.length, needles: everything.length, requests: walk.requests },
    };
  } finally {
    await server.kill();
    await web.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function wrongBeside(
  scan: (wanted: Parameters<typeof scanFolders>[0]) => Promise<Hit[]>,
  before: readonly Needle[],
  read: () => Promise<unknown>,
): Promise<string[]> {
  const there = new Set((await scan({ needles: before, looks: [] })).map((hit) => hit.kind));
  const wrong = before.filter((one) => !there.has(one.kind)).map((one) => `gone: ${one.kind}`);
  const text = JSON.stringify(await read().catch((error: unknown) => String(error)));
  return text.includes('beside') ? wrong : [...wrong, `unreadable: ${text}`];
}

/** Each kind of thing in each kind of place once. */
const summary = (hits: readonly Hit[]): string[] => [
  ...new Set(
    hits.map(({ kind, encoding, where }) => `${kind}, as ${encoding}, in ${where.replace(/[0-9a-f-]{36}/g, '*')}`),
  ),
];
