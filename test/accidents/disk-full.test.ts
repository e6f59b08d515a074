/** A disk without a single free byte: what is to be deleted is deleted all the same, and nothing else suffers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { newestClients } from '../fixtures/clients.ts';
import { runOwnsight, startServer, type TestServer } from '../fixtures/server.ts';
import { until } from '../fixtures/until.ts';

const ran = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;

/** Mounts a file system of 96 MB in `folder`; `undefined` where we may not. */
function mounted(folder: string, kind: 'tmpfs' | 'ext4'): string | undefined {
  const [disk, image] = [join(folder, 'disk'), join(folder, 'image')];
  mkdirSync(disk);
  const done =
    kind === 'tmpfs'
      ? ran('mount', '-t', 'tmpfs', '-o', 'size=96m', 'none', disk)
      : ran('truncate', '-s', '96M', image) &&
        // Blocks of 1 KiB, and none set aside for the administrator.
        ran('mkfs.ext4', '-q', '-b', '1024', '-m', '0', image) &&
        ran('mount', '-o', 'loop', image, disk);
  if (!done) return undefined;
  return disk;
}

/** Writes until not one byte more goes in, into files of its own. */
function fill(disk: string): void {
  const fd = openSync(join(disk, `filler-${crypto.randomUUID()}`), 'w');
  for (const size of [1 << 20, 1 << 16, 1 << 12, 1 << 10, 1])
    try {
      for (const bytes = Buffer.alloc(size, 1); ; ) writeSync(fd, bytes);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  closeSync(fd);
  assert.equal(statfsSync(disk).bavail, 0);
}

const makeRoom = (disk: string): void => {
  for (const name of globSync('filler-*', { cwd: disk })) rmSync(join(disk, name));
};

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const filesIn = (folder: string): number =>
  globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile()).length;

for (const kind of ['tmpfs', 'ext4'] as const)
  test(`on a full ${kind}, pictures, projects and accounts are deleted, and the rest goes on`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'ownsight-full-'));
    const disk = mounted(folder, kind);
    let server: TestServer;
    t.after(async () => {
      await (server as TestServer | undefined)?.kill();
      if (disk !== undefined) ran('umount', disk);
      rmSync(folder, { recursive: true, force: true });
    });
    if (disk === undefined) return t.skip('needs the right to mount a file system (root on Linux)');
    const home = join(disk, 'data');
    server = await startServer({ home });
    const refused = async (bytes: number): Promise<void> => {
      const answer = await fetch(`${server.endpoint}/ownsight/v1/restores`, {
        method: 'POST',
        headers: { 'Training-Key': server.trainingKey },
        body: new Uint8Array(bytes),
      });
      assert.equal(((await answer.json()) as { code: string }).code, 'ErrorStorageFull');
    };
    // More than the whole disk: it becomes full while the client is writing.
    await refused(1 << 27);
    let { training, prediction } = newestClients(server);
    const pictures = await samplePictures({ perClass: 6 });

    const project = async (name: string) => {
      const { id } = await training.createProject(name, { classificationType: 'Multiclass' });
      for (const tag of ['Apple', 'Leaf']) {
        const { id: tagId } = await training.createTag(id!, tag);
        const images = pictures
          .filter((one) => one.tag === tag)
          .map((one) => ({ contents: one.bytes, tagIds: [tagId!] }));
        assert.equal((await training.createImagesFromFiles(id!, { images })).isBatchSuccessful, true);
      }
      return id!;
    };
    const [kept, thinned, doomed] = [await project('kept'), await project('thinned'), await project('doomed')];
    const { id: iterationId } = await training.trainProject(kept);
    await until(
      () => training.getIteration(kept, iterationId!),
      (one) => one.status === 'Completed',
    );
    await training.publishIteration(kept, iterationId!, 'live', 'here');
    const created = await runOwnsight(home, ['account', 'create', 'leaving', '--json']);
    const leaving = JSON.parse(created.output) as { account: string; keys: { training: { primary: string } } };

    const originals = async (id: string): Promise<string[]> => {
      const images = await training.getImages(id, { take: 256 });
      const bytes = images.map(async (one) => Buffer.from(await (await fetch(one.originalImageUri!)).arrayBuffer()));
      return (await Promise.all(bytes)).map(sha256).sort();
    };
    const before = await originals(kept);
    const lives = async (): Promise<void> => {
      assert.deepEqual(await originals(kept), before);
      const answer = await prediction.classifyImageWithNoStore(kept, 'live', pictures[0]!.bytes);
      assert.equal(answer.predictions!.length, 2);
      assert.equal(await upload(), 'refused');
    };
    /** Whether a picture is taken. Refused as a whole, or one by one, according to where the disk was found full. */
    const upload = async (): Promise<string> => {
      try {
        const answer = await training.createImagesFromFiles(kept, { images: [{ contents: pictures.at(-1)!.bytes }] });
        const { status } = answer.images![0]!;
        return status === 'ErrorStorage' ? 'refused' : status!;
      } catch (error) {
        assert.equal((error as { body: { code: string } }).body.code, 'ErrorStorageFull');
        return 'refused';
      }
    };
    const status = async (path: string, init: RequestInit = {}): Promise<number> => {
      const headers = { 'Training-Key': leaving.keys.training.primary, 'Content-Type': 'application/json' };
      return (await fetch(`${server.endpoint}/ownsight/v1${path}`, { ...init, headers })).status;
    };
    const settled = () =>
      until(
        async () => (await runOwnsight(home, ['doctor'])).output.trim(),
        (said) => said === 'All rows, files and keys agree.',
        30,
      );

    const reserves = [join(home, 'reserve'), join(`${home}-keys`, 'reserve')];
    /** Room is set aside again as soon as what was deleted is gone. */
    const reserved = () =>
      until(
        async () => {
          const headers = { 'Training-Key': server.trainingKey };
          const receipts = await (await fetch(`${server.endpoint}/ownsight/v1/receipts`, { headers })).text();
          return [...reserves.filter((path) => !existsSync(path)), ...(receipts.match(/Erasing/g) ?? [])];
        },
        (missing) => missing.length === 0,
        20,
      );

    fill(disk);
    await lives();
    await refused(1 << 12);
    assert.equal(existsSync(join(home, 'spool')) ? filesIn(join(home, 'spool')) : 0, 0);
    const [first, second] = await training.getImages(thinned, {});
    await training.deleteImages(thinned, { imageIds: [first!.id!, second!.id!], allIterations: true });
    assert.equal((await training.getImages(thinned, {})).length, 10);
    await until(
      async () => filesIn(join(home, 'blobs', server.account, thinned)),
      (files) => files === 20,
      30,
    );

    await reserved();
    fill(disk);
    await training.deleteProject(doomed);
    await assert.rejects(training.getProject(doomed));
    await until(
      async () => [
        existsSync(join(home, 'blobs', server.account, doomed)),
        existsSync(join(`${home}-keys`, server.account, `${doomed}.key`)),
        readFileSync(join(`${home}-keys`, 'erased'), 'utf8').includes(`${doomed} projects`),
      ],
      (left) => String(left) === 'false,false,true',
      30,
    );

    await reserved();
    fill(disk);
    const body = JSON.stringify({ name: 'leaving', undoDays: 0 });
    assert.equal(await status('/account/deletion', { method: 'POST', body }), 202);
    assert.equal(await status('/data'), 401);
    await until(
      async () => readFileSync(join(`${home}-keys`, 'erased'), 'utf8').includes(`${leaving.account} accounts`),
      (listed) => listed,
      30,
    );
    assert.equal(existsSync(join(`${home}-keys`, leaving.account)), false);

    await reserved();
    fill(disk);
    await server.kill();
    server = await startServer({ home });
    ({ training, prediction } = newestClients(server));
    await lives();

    makeRoom(disk);
    await until(upload, (answer) => answer === 'OK', 10);
    await reserved();
    await settled();
  });
