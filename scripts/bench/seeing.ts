import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createAccount } from '../../src/services/accounts.ts';
import { plantRows } from '../../test/fixtures/many-rows.ts';
import { startServer } from '../../test/fixtures/server.ts';
import { limitRow, median, type Row } from './compare.ts';
import { manyPictures } from './rights.ts';
import { startSide } from './side.ts';
import type { Look, ReadTask } from './sides/readers.ts';

const readers = 50;

/** How long after a deletion was answered a request that begins then still sees the picture: the worst of many. */
export async function invisibleRows(files: readonly string[], rounds: number): Promise<Row[]> {
  const { home, app, projectId, clear } = await manyPictures(files, 200);
  await app.close();
  const server = await startServer({ home });
  const side = await startSide('readers', undefined);
  const headers = { 'Training-Key': server.trainingKey };
  const images = `${server.endpoint}/customvision/v3.4-preview/training/projects/${projectId}/images`;
  const own = `${server.endpoint}/ownsight/v1/projects/${projectId}/images`;
  try {
    const listed = await fetch(`${images}?take=256`, { headers });
    const all = (await listed.json()) as { id: string; originalImageUri: string; thumbnailUri: string }[];
    const latest: number[] = [];
    for (let round = 0; round < 2 * rounds; round++) {
      const { id, originalImageUri, thumbnailUri } = all[round]!;
      const urls = [
        `${images}?take=256`,
        `${images}/untagged?take=256`,
        `${images}/id?imageIds=${id}`,
        originalImageUri,
        thumbnailUri,
      ];
      const task: ReadTask = { urls, headers, text: id, readers, seconds: 2.5 };
      const reading = side.round<Look[]>(task);
      await pause(1000);
      // In turns as Azure deletes and as we do, into the trash.
      const answer = await fetch(`${round % 2 === 0 ? images : own}?imageIds=${id}`, { method: 'DELETE', headers });
      const gone = performance.timeOrigin + performance.now();
      if (!answer.ok) throw new Error(`DELETE: ${answer.status} ${await answer.text()}`);
      const looks = await reading;
      const after = looks.filter(({ begun }) => begun > gone);
      const before = looks.filter(({ begun, shown }) => begun < gone && shown);
      if (Math.min(after.length, before.length) < readers)
        throw new Error(`expected ${readers} looks at each time but received ${before.length}, ${after.length}`);
      latest.push(Math.max(0, ...after.filter(({ shown }) => shown).map(({ begun }) => begun - gone)));
    }
    return [
      limitRow(`a deleted picture seen by ${readers} readers, after the answer`, Math.max(...latest), 1000, 'ms'),
    ];
  } finally {
    await side.stop();
    await server.stop();
    clear();
  }
}

/** Everything that an account with a million pictures has, and that one of its projects has, over HTTP. */
export async function inventoryRows(_: readonly string[], rounds: number, pictures: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));
  const home = join(folder, 'data');
  try {
    const app = await openApp({ ...readConfig({ OWNSIGHT_HOME: home }), logLevel: 'silent' });
    const { id: accountId } = await createAccount(app, { userName: 'bench' });
    const projects = await plantRows(app, accountId, 10, pictures * 10);
    await app.close();
    const server = await startServer({ home });
    try {
      const timed = async (path: string): Promise<number> => {
        const times: number[] = [];
        for (let n = 0; n < 4 * rounds; n++) {
          const begun = performance.now();
          const answer = await fetch(`${server.endpoint}/ownsight/v1${path}`, {
            headers: { 'Training-Key': server.trainingKey },
          });
          const { total } = (await answer.json()) as { total: { count: number } };
          times.push(performance.now() - begun);
          if (total.count < pictures * 10) throw new Error(`${path}: expected all of them but received ${total.count}`);
        }
        return median(times);
      };
      const held = (pictures * 100).toLocaleString('en');
      return [
        limitRow(`all data of an account with ${held} pictures`, await timed('/data'), 200, 'ms'),
        limitRow('of one of its ten projects', await timed(`/projects/${projects[0]!.projectId}/data`), 200, 'ms'),
      ];
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
