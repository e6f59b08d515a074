/**
 * A server that is killed again and again in the middle of its work, and a ledger of what it had acknowledged. A round
 * is: start on what the last one left, compare with the ledger, examine, work, and SIGKILL at a moment chosen by the
 * seed.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { generator, type Random, samplePictures } from '../../scripts/samples.ts';
import { type Clients, newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

/** The kinds of work that are interrupted, in turn. */
export const kinds = ['upload', 'training', 'deletion'] as const;

/** What the server has said yes to. */
interface Ledger {
  /** The project that is uploaded to and deleted from. */
  shelf: string;
  /** The project that is trained. */
  school: string;
  /** SHA-256 of each picture on the shelf, by image id. */
  readonly kept: Map<string, string>;
  /** Those of them that were read back once. */
  readonly seen: Set<string>;
  /** Images, iterations and projects whose deletion was acknowledged. */
  readonly deleted: { readonly images: Set<string>; readonly iterations: Set<string>; readonly projects: Set<string> };
  /** Begun trainings. */
  readonly iterations: Set<string>;
  /** The iteration published as `live`, once one is. */
  live: string | undefined;
  /** Projects made only to be deleted. */
  readonly doomed: Set<string>;
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** A picture nobody has sent yet: the JPEG with a comment of its own. */
function unique(jpeg: Buffer, random: Random): Buffer {
  const comment = Buffer.from(`${random()}${random()}`);
  return Buffer.concat([
    jpeg.subarray(0, 2),
    Buffer.from([0xff, 0xfe, 0, comment.length + 2]),
    comment,
    jpeg.subarray(2),
  ]);
}

/**
 * Runs `rounds` rounds, kinds taking turns, then deletes everything and sees that nothing is left. Returns how many
 * kills there were.
 */
export async function killAgainAndAgain(options: {
  readonly rounds: number;
  readonly seed: number;
  readonly say?: (line: string) => void;
}): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'ownsight-kill-'));
  const home = join(directory, 'data');
  const random = generator(options.seed);
  const jpegs = (await samplePictures({ seed: options.seed, perClass: 6 })).map((one) => ({
    tag: one.tag,
    bytes: one.bytes,
  }));
  const ledger: Ledger = {
    shelf: '',
    school: '',
    kept: new Map(),
    seen: new Set(),
    deleted: { images: new Set(), iterations: new Set(), projects: new Set() },
    iterations: new Set(),
    live: undefined,
    doomed: new Set(),
  };
  let kills = 0;
  try {
    for (let round = 0; round < options.rounds; round++) {
      const kind = kinds[round % kinds.length]!;
      const server = await startServer({ home });
      const { training, prediction } = newestClients(server);
      if (round === 0) await prepare(training, ledger, jpegs);
      await compare(training, prediction, ledger, jpegs[0]!.bytes);
      await examine(home);
      const working = new AbortController();
      const work = { upload, training: train, deletion: remove }[kind];
      // What fails before the kill is a fault; what fails after it was cut off.
      const jobs = Array.from({ length: kind === 'training' ? 1 : 3 }, () =>
        work(training, ledger, jpegs, random, working.signal).catch((error: unknown) => {
          if (!working.signal.aborted) throw error;
        }),
      );
      const moment = random(1, kind === 'training' ? 2500 : 900);
      await Promise.race([pause(moment), Promise.all(jobs)]);
      working.abort();
      await server.kill();
      kills++;
      await Promise.all(jobs);
      options.say?.(
        `kill ${kills}: ${kind} after ${Math.round(moment)} ms; ${ledger.kept.size} pictures, ${ledger.iterations.size} iterations`,
      );
    }
    const server = await startServer({ home });
    const { training, prediction } = newestClients(server);
    await compare(training, prediction, ledger, jpegs[0]!.bytes);
    for (const iteration of await training.getIterations(ledger.school)) {
      const ended = await until(
        () => training.getIteration(ledger.school, iteration.id!),
        (one) => one.status !== 'Training',
      );
      assert.equal(ended.status, 'Completed');
      if (ended.publishName) await training.unpublishIteration(ledger.school, iteration.id!);
    }
    for (const project of await training.getProjects()) await training.deleteProject(project.id!);
    await until(
      async () => globSync('blobs/**/*', { cwd: home, withFileTypes: true }).filter((entry) => entry.isFile()).length,
      (left) => left === 0,
    );
    await examine(home);
    assert.equal(await server.stop(), 0);
    return kills;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

type Pictures = readonly { readonly tag: string; readonly bytes: Buffer }[];

async function prepare(training: Clients['training'], ledger: Ledger, jpegs: Pictures): Promise<void> {
  ledger.shelf = (await training.createProject('Shelf')).id!;
  ledger.school = (await training.createProject('School', { classificationType: 'Multiclass' })).id!;
  for (const tag of new Set(jpegs.map((one) => one.tag))) {
    const { id } = await training.createTag(ledger.school, tag);
    const images = jpegs.filter((one) => one.tag === tag).map((one) => ({ contents: one.bytes, tagIds: [id!] }));
    assert.equal((await training.createImagesFromFiles(ledger.school, { images })).isBatchSuccessful, true);
  }
}

async function upload(
  training: Clients['training'],
  ledger: Ledger,
  jpegs: Pictures,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const pictures = Array.from({ length: Math.ceil(random(0, 6)) }, () =>
      unique(jpegs[Math.floor(random(0, jpegs.length))]!.bytes, random),
    );
    const { images } = await training.createImagesFromFiles(ledger.shelf, {
      images: pictures.map((contents) => ({ contents })),
    });
    for (const [at, result] of images!.entries()) {
      assert.equal(result.status, 'OK');
      ledger.kept.set(result.image!.id!, digest(pictures[at]!));
    }
  }
}

async function train(
  training: Clients['training'],
  ledger: Ledger,
  _: Pictures,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const past = await training.getIterations(ledger.school);
    if (past.length > 8)
      for (const old of past.filter((one) => one.status !== 'Training' && one.id !== ledger.live)) {
        ledger.iterations.delete(old.id!);
        await training.deleteIteration(ledger.school, old.id!);
        ledger.deleted.iterations.add(old.id!);
      }
    // The training that the last kill interrupted may still go on.
    const begun = await training
      .trainProject(ledger.school, { forceTrain: true })
      .catch((error: { body?: { code?: string } }) => {
        if (error.body?.code !== 'BadRequestTrainingAlreadyInProgress') throw error;
      });
    if (begun === undefined) {
      await pause(random(20, 60));
      continue;
    }
    ledger.iterations.add(begun.id!);
    const ended = await until(
      () => training.getIteration(ledger.school, begun.id!),
      (one) => one.status !== 'Training',
    );
    assert.equal(ended.status, 'Completed');
    if (ledger.live === undefined) {
      await training.publishIteration(ledger.school, begun.id!, 'live', 'here');
      ledger.live = begun.id!;
    }
  }
}

async function remove(
  training: Clients['training'],
  ledger: Ledger,
  jpegs: Pictures,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const made = await training.createProject(`Doomed ${random()}`);
    ledger.doomed.add(made.id!);
    await training.createImagesFromFiles(made.id!, {
      images: jpegs.slice(0, 3).map((one) => ({ contents: one.bytes })),
    });
    const ids = [...ledger.kept.keys()].filter(() => random() < 0.2).slice(0, 8);
    for (const id of ids) ledger.kept.delete(id);
    if (ids.length > 0) {
      await training.deleteImages(ledger.shelf, { imageIds: ids });
      for (const id of ids) ledger.deleted.images.add(id);
    }
    ledger.doomed.delete(made.id!);
    await training.deleteProject(made.id!);
    ledger.deleted.projects.add(made.id!);
  }
}

/** Nothing acknowledged is lost, nothing deleted is back. What was asked but not answered may have happened or not. */
async function compare(
  training: Clients['training'],
  prediction: Clients['prediction'],
  ledger: Ledger,
  jpeg: Buffer,
): Promise<void> {
  const projects = new Set((await training.getProjects()).map((one) => one.id!));
  for (const id of [ledger.shelf, ledger.school, ...ledger.doomed])
    assert.ok(projects.has(id), `project ${id} is lost`);
  for (const id of ledger.deleted.projects) assert.ok(!projects.has(id), `deleted project ${id} is back`);

  const there = new Map<string, string>();
  for (let skip = 0; ; skip += 256) {
    const page = await training.getImages(ledger.shelf, { take: 256, skip });
    for (const image of page) there.set(image.id!, image.originalImageUri!);
    if (page.length < 256) break;
  }
  for (const id of ledger.kept.keys()) assert.ok(there.has(id), `image ${id} is lost`);
  for (const id of ledger.deleted.images) assert.ok(!there.has(id), `deleted image ${id} is back`);
  for (const [n, [id, url]] of [...there].entries()) {
    if (ledger.seen.has(id) && n % 20 > 0) continue;
    const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
    assert.equal(digest(bytes), ledger.kept.get(id) ?? digest(bytes), `image ${id} has changed`);
    ledger.kept.set(id, digest(bytes));
    ledger.seen.add(id);
  }

  const iterations = new Map((await training.getIterations(ledger.school)).map((one) => [one.id!, one]));
  for (const id of ledger.iterations) assert.ok(iterations.has(id), `iteration ${id} is lost`);
  for (const id of ledger.deleted.iterations) assert.ok(!iterations.has(id), `deleted iteration ${id} is back`);
  for (const one of iterations.values()) assert.notEqual(one.status, 'Failed', `iteration ${one.id} failed`);
  const published = [...iterations.values()].find((one) => one.publishName === 'live')?.id;
  if (ledger.live !== undefined) assert.equal(published, ledger.live);
  ledger.live = published;
  if (published !== undefined)
    assert.equal((await prediction.classifyImageWithNoStore(ledger.school, 'live', jpeg)).predictions?.length, 3);
}

async function examine(home: string): Promise<void> {
  const { code, output } = await runOwnsight(home, ['doctor']);
  assert.equal(code, 0, output);
}
