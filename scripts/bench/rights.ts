import { spawnSync } from 'node:child_process';
import { createDecipheriv } from 'node:crypto';
import {
  closeSync,
  createWriteStream,
  fsyncSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openApp } from '../../src/app.ts';
import type { ArchiveFormatName } from '../../src/base/archive-format.ts';
import { saveStream } from '../../src/base/save-stream.ts';
import { fileSource } from '../../src/base/source.ts';
import { readConfig } from '../../src/config.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { eraseWhatWasErased } from '../../src/services/erased.ts';
import { putBack } from '../../src/services/restore/restore.ts';
import { takeOut } from '../../src/services/takeout/takeout.ts';
import { plantPictures } from '../../test/fixtures/many-pictures.ts';
import { startServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/until.ts';
import { informationRow, inTurns, limitRow, median, type Row, ratioRow } from './compare.ts';
import { distinct } from './distinct.ts';
import { startSide } from './side.ts';
import type { LoadResult, LoadTask } from './sides/load.ts';

/** An account with `count` pictures in one project, and its stores opened; removed with {@link close}. */
export async function manyPictures(files: readonly string[], count: number) {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));
  const home = join(folder, 'data');
  const app = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
  const { id: accountId } = await createAccount(app, { userName: 'bench' });
  const jpegs = files.map((file) => readFileSync(file));
  const projectId = await plantPictures(app, accountId, count, (n) => distinct(jpegs[n % jpegs.length]!, n));
  const clear = (): void => rmSync(folder, { recursive: true, force: true });
  return { folder, home, app, accountId, projectId, clear };
}

const inWords = (count: number): string => `${count.toLocaleString('en')} pictures`;

/** Taking out against what cannot be saved: `tar` of the same files, and decrypting them. */
export async function takeoutRows(files: readonly string[], rounds: number, count: number): Promise<Row[]> {
  const { folder, home, app, accountId, projectId, clear } = await manyPictures(files, count);
  const blobs = join(home, 'blobs', accountId, projectId, 'image-original');
  const out = join(folder, 'out');
  const timed = async (work: () => Promise<void> | void): Promise<number> => {
    const begun = performance.now();
    await work();
    const seconds = (performance.now() - begun) / 1000;
    rmSync(out, { force: true });
    return count / seconds;
  };
  const ours = (format: ArchiveFormatName) => () =>
    timed(async () => {
      const { stream, missing } = await takeOut(app, accountId, { projectId, format });
      await saveStream(stream, out, 'wx');
      if (missing.length > 0) throw new Error(`expected a complete archive but ${missing.length} are missing`);
    });
  const peer = () =>
    timed(() => {
      const { status, stderr } = spawnSync('tar', ['-cf', out, '-C', blobs, '.'], { encoding: 'utf8' });
      if (status !== 0) throw new Error(`tar: ${stderr}`);
      // As durable as ours.
      const archive = openSync(out, 'r');
      fsyncSync(archive);
      closeSync(archive);
      for (const name of readdirSync(blobs)) {
        const sealed = readFileSync(join(blobs, name));
        createDecipheriv('aes-256-gcm', Buffer.alloc(32), sealed.subarray(1, 13)).update(sealed.subarray(13));
      }
    });
  try {
    const rows: Row[] = [];
    for (const format of ['tar', 'zip'] as const) {
      const found = await inTurns(rounds, ours(format), peer);
      rows.push(
        ratioRow(
          `takeout of ${inWords(count)} as ${format}, against tar and decryption`,
          'pictures/s',
          found.ours,
          found.peer,
          0.7,
        ),
      );
    }
    return rows;
  } finally {
    await app.close();
    clear();
  }
}

/** Putting an archive back into a new server: checking all of it, then writing it. */
export async function restoreRows(files: readonly string[], rounds: number, count: number): Promise<Row[]> {
  const { folder, app, accountId, clear } = await manyPictures(files, count);
  const archive = join(folder, 'archive.zip');
  try {
    const { stream } = await takeOut(app, accountId, { format: 'zip' });
    await pipeline(stream, createWriteStream(archive));
    const rates: number[] = [];
    for (let round = 0; round < Math.min(rounds, 3); round++) {
      const home = join(folder, `back-${round}`, 'data');
      const empty = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
      try {
        await eraseWhatWasErased(empty);
        const begun = performance.now();
        const { projects } = await putBack(empty, { source: await fileSource(archive) });
        rates.push(count / ((performance.now() - begun) / 1000));
        if (projects.some(({ outcome, leftOut }) => outcome !== 'restored' || leftOut > 0))
          throw new Error(`expected all to be back but received ${JSON.stringify(projects)}`);
      } finally {
        await empty.close();
        rmSync(dirname(home), { recursive: true, force: true });
      }
    }
    return [informationRow(`restore of ${inWords(count)}, checked and written`, 'pictures/s', rates)];
  } finally {
    await app.close();
    clear();
  }
}

/** How long it takes to remove a project for good, and what others feel of it meanwhile. */
export async function purgeRows(files: readonly string[], _: number, count: number): Promise<Row[]> {
  const { home, app, projectId, clear } = await manyPictures(files, count);
  await app.close();
  const server = await startServer({ home });
  const load = await startSide('load', undefined);
  const headers = { 'Training-Key': server.trainingKey };
  const ask = (path: string, method = 'GET') => fetch(server.endpoint + path, { method, headers });
  const task: LoadTask = {
    url: `${server.endpoint}/customvision/v3.3/training/domains`,
    method: 'GET',
    headers,
    clients: 1,
    seconds: 1,
  };
  try {
    const project = await ask('/customvision/v3.3/training/projects?name=Other', 'POST');
    const { id } = (await project.json()) as { id: string };
    const felt = { ...task, url: `${server.endpoint}/customvision/v3.3/training/projects/${id}` };
    const quiet: LoadResult[] = [];
    for (let n = 0; n < 4; n++) quiet.push(await load.round<LoadResult>(felt));
    const begun = performance.now();
    await ask(`/customvision/v3.3/training/projects/${projectId}`, 'DELETE');
    let seconds = 0;
    const gone = until(
      async () => (await (await ask('/ownsight/v1/receipts')).text()).includes('Erasing'),
      (erasing) => !erasing,
      600,
    ).then(() => {
      seconds = (performance.now() - begun) / 1000;
    });
    const meanwhile: LoadResult[] = [];
    while (seconds === 0) meanwhile.push(await load.round<LoadResult>({ ...felt, seconds: 0.25 }));
    await gone;
    const rate = (results: LoadResult[]): number[] => results.map((one) => one.perSecond);
    return [
      limitRow(`purge of ${inWords(count)}`, seconds, 60, 's'),
      ratioRow('other requests during it, against none', 'requests/s', rate(meanwhile), rate(quiet.slice(1)), 0.8),
      limitRow('other requests during it, p99', median(meanwhile.map((one) => one.p99)), 50, 'ms'),
    ];
  } finally {
    await load.stop();
    await server.stop();
    clear();
  }
}
