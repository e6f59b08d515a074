import { globSync, readFileSync } from 'node:fs';
import type { TestServer } from '../../test/fixtures/server.ts';
import { until } from '../../test/fixtures/until.ts';
import { limitRow, type Row } from './compare.ts';
import type { LoadResult, LoadTask } from './sides/load.ts';

/** General, for detection. */
const detection = 'da2e3a8a-40a5-4171-82f4-58522f70fbc1';

type Ask = (method: string, path: string, body?: unknown) => Promise<{ id: string }>;

/**
 * How those who wait are served while a network learns, and how soon it ends when it is told to. `tag` and `classify`
 * are what is asked meanwhile.
 */
export async function whileLearningRows(
  server: TestServer,
  run: (task: LoadTask) => Promise<LoadResult>,
  ask: Ask,
  pictures: readonly Buffer[],
  { tag, classify }: { readonly tag: LoadTask; readonly classify: LoadTask },
): Promise<Row[]> {
  const { id: project } = await ask('POST', `/projects?name=Detector&domainId=${detection}`);
  const { id: tagId } = await ask('POST', `/projects/${project}/tags?name=thing`);
  const images = pictures.slice(0, 32).map((picture, n) => ({
    contents: picture.toString('base64'),
    regions: [{ tagId, left: 0.1, top: 0.02 * (n % 16), width: 0.5, height: 0.5 }],
  }));
  await ask('POST', `/projects/${project}/images/files`, { images });
  const { id } = await ask('POST', `/projects/${project}/train`);
  const progress = `${server.endpoint}/ownsight/v1/projects/${project}/iterations/${id}/progress`;
  const headers = { 'Training-Key': server.trainingKey };
  await until(
    async () => (await (await fetch(progress, { headers })).json()) as { phase: string | null },
    ({ phase }) => phase === 'whole',
    600,
  );
  const others = await run({ ...tag, clients: 1, seconds: 6 });
  const predictions = await run({ ...classify, clients: 1, seconds: 6 });
  const asked = performance.now();
  await fetch(progress, { method: 'DELETE', headers });
  await until(
    async () => children(server.pid),
    (left) => left === 0,
    10,
  );
  return [
    limitRow('other requests while a network learns, p99', others.p99, 50, 'ms'),
    limitRow('classify nostore while a network learns, p99', predictions.p99, 250, 'ms'),
    limitRow('from cancelling a training to the end of it', performance.now() - asked, 2000, 'ms'),
  ];
}

/** How many processes a process has started. Source: /proc, so Linux only; elsewhere 0. */
const children = (pid: number): number =>
  globSync(`/proc/${pid}/task/*/children`).flatMap((file) => readFileSync(file, 'utf8').split(' ').filter(Boolean))
    .length;
