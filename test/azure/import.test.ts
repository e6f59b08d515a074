/** Moving in from a service that answers as the real one was recorded to, on good days and on bad ones. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { samplePictures } from '../../scripts/samples.ts';
import { newId } from '../../src/base/id.ts';
import { createFetcher } from '../../src/services/fetcher-http.ts';
import type { CustomVisionInput } from '../../src/services/importing/import.ts';
import type { ImportReport } from '../../src/services/importing/report.ts';
import { type Answer, noRecordings, recordedService, type ServiceOptions } from '../fixtures/recorded-service.ts';
import { environment, root, runOwnsight } from '../fixtures/server.ts';
import { plantAccount, type Stores, testStores } from '../fixtures/stores.ts';

const skip = noRecordings;
const key = '0123456789abcdef0123456789abcdef';
const newest = 'v3.4-preview/training';
let drawn: Buffer[];
before(async () => {
  drawn = (await samplePictures({ perClass: 2 })).map((one) => one.bytes);
});

/** Pictures of their own bytes each: what stands behind a JPEG changes nothing of it. */
const pictures = (count: number): Map<string, Uint8Array | undefined> =>
  new Map(Array.from({ length: count }, (_, at) => [newId(), Buffer.concat([drawn[at % 6]!, Buffer.from(`${at}`)])]));

async function service(t: TestContext, options: Partial<ServiceOptions> & Pick<ServiceOptions, 'pictures'>) {
  const running = await recordedService({ versions: [newest], key, ...options });
  t.after(() => running.close());
  return running;
}

/** Imports into stores of its own, or those given, and tells how long it paused. */
async function importing(
  t: TestContext,
  endpoint: string,
  more: Partial<CustomVisionInput> = {},
  into?: { stores: Stores; accountId: string },
): Promise<{ report: ImportReport; pauses: number[]; stores: Stores; accountId: string }> {
  // Late: it forbids the whole process to draw SVG, which the sample pictures are.
  const { importCustomVision } = await import('../../src/services/importing/import.ts');
  const stores = into?.stores ?? (await testStores(t));
  const accountId = into?.accountId ?? (await plantAccount(stores));
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
  };
  const app = { ...stores, fetcher: createFetcher({ allowNetworks: [] }) };
  const report = await importCustomVision(app, { endpoint, key, accountId, pause, ...more });
  return { report, pauses, stores, accountId };
}

const failed = (report: ImportReport): string[] =>
  report.projects[0]!.failed.map(({ fault, item, code }) => `${fault} ${item} ${code}`);

test('pages, pauses where the service asks for them, and takes what it tells as it is', { skip }, async (t) => {
  const held = pictures(270);
  const [first] = held.keys();
  let trouble = 0;
  const { endpoint, projectId, tagId, iterationId, leaks } = await service(t, {
    pictures: held,
    untagged: new Set([first!]),
    before({ path, number }): Answer | undefined {
      // Every 23rd request meets a busy service, twice in a row.
      if (number % 23 !== 11 && number % 23 !== 12) return undefined;
      trouble++;
      if (path.startsWith('/picture/')) return { status: 503 };
      return { status: 429, headers: { 'retry-after': '7' }, body: '{"code":"TooManyRequests","message":"Slow down"}' };
    },
  });
  const { report, pauses, stores, accountId } = await importing(t, `${endpoint}/customvision/v3.3/training/`);
  assert.deepEqual(failed(report), []);
  assert.deepEqual([report.complete, report.apiVersion], [true, '3.4-preview']);
  const [project] = report.projects;
  assert.deepEqual(
    [project!.id, project!.images.imported, project!.tags.imported, project!.iterations.imported],
    [projectId, 270, 1, 1],
  );
  assert.ok(trouble > 10 && pauses.length >= trouble && pauses.includes(7000), `${trouble}: ${pauses}`);
  assert.deepEqual(leaks, []);
  assert.match(project!.notes.join(), /Iteration 2 is Training, not trained/);
  const scope = { accountId, projectId };
  const [{ listImages }, { iterationPerformance }, { getIteration }] = await Promise.all([
    import('../../src/services/images.ts'),
    import('../../src/services/performance.ts'),
    import('../../src/services/iterations.ts'),
  ]);
  const images = await listImages(stores, scope, { status: 'Untagged' });
  assert.deepEqual(
    images.map((image) => [image.id, image.created]),
    [[first, Date.parse('2019-03-21T01:31:11.609Z') * 1000 + 449]],
  );
  const iteration = await getIteration(stores, scope, iterationId);
  assert.deepEqual([iteration.status, iteration.imported!.publishName], ['Imported', 'live']);
  // At a threshold that was asked for: word for word; at another: from what was told of each picture.
  const told = await iterationPerformance(stores, scope, iterationId, { threshold: 0.35 });
  assert.deepEqual([told.precision, told.perTag[0]!.id], [0.35, tagId]);
  assert.equal((await iterationPerformance(stores, scope, iterationId, { threshold: 0.77 })).recall, 0);
});

for (const [version, expectedResized, note] of [
  ['v2.2/Training', 0, /^$/],
  ['v2.1/Training', 5, /^$/],
  ['v2.0/Training', 5, /one tag or several/],
] as const)
  test(`${version} is asked when no newer one answers`, { skip }, async (t) => {
    const held = pictures(5);
    const { endpoint } = await service(t, {
      pictures: held,
      versions: [version],
      untagged: new Set([[...held.keys()][3]!]),
    });
    const { report } = await importing(t, endpoint);
    assert.deepEqual(failed(report), []);
    const [{ images, notes }] = report.projects as [ImportReport['projects'][0]];
    assert.equal(`v${report.apiVersion}/Training`, version);
    assert.deepEqual([images.imported, images.resized], [5, expectedResized]);
    assert.match(notes.filter((one) => !/not trained/.test(one)).join(), note);
  });

test('what is broken, gone, too large or lies on another host is named; the rest comes, and later the missing', {
  skip,
}, async (t) => {
  const held = pictures(12);
  const ids = [...held.keys()] as [string, string, string, string, string, string, string, string];
  const [copied, gone, broken, large, elsewhere, ftp, nameless, tagless] = ids;
  const sound = held.get(broken)!;
  held.set(copied, undefined);
  held.set(broken, sound.subarray(0, 3000));
  held.set(large, Buffer.alloc(6 * 1024 * 1024 + 1));
  const lost = held.get(gone)!;
  held.set(gone, Buffer.alloc(0));
  const inner = await recordedService({ versions: [], key, pictures: held });
  t.after(() => inner.close());
  const told = new Map<string, Record<string, unknown>>([
    [elsewhere, { originalImageUri: `${inner.endpoint}/picture/original/${elsewhere}`, resizedImageUri: null }],
    [ftp, { originalImageUri: 'file:///etc/passwd', resizedImageUri: '' }],
    [nameless, { id: '../../etc' }],
    [tagless, { tags: [{ tagId: newId(), tagName: 'Unknown' }] }],
  ]);
  const { endpoint } = await service(t, { pictures: held, told, copy: drawn[0]! });
  const { report, stores, accountId } = await importing(t, endpoint);
  assert.equal(report.complete, false);
  const inWorkspace = failed(report).filter((one) => one.startsWith('picture') && !one.includes('..'));
  assert.deepEqual(
    [...new Set(inWorkspace)].sort(),
    [
      `picture ${broken} ErrorImageFormat`,
      `picture ${elsewhere} ErrorSource`,
      `picture ${ftp} ErrorSource`,
      `picture ${gone} ErrorImageFormat`,
      `picture ${large} ErrorSource`,
      `picture ${tagless} ErrorInvalidTag`,
    ].sort(),
  );
  assert.deepEqual(inner.requests, [], 'nothing of another private host was asked for');
  const [{ images, iterations }] = report.projects as [ImportReport['projects'][0]];
  assert.deepEqual([images.imported, images.resized, iterations.imported], [5, 1, 0]);

  // The owner mends it: the next run brings what was missing, and the iteration is whole.
  for (const one of [elsewhere, ftp, nameless, tagless]) told.delete(one);
  held.set(broken, sound);
  held.set(gone, lost);
  held.set(large, Buffer.concat([drawn[1]!, Buffer.from('mended')]));
  const again = await importing(t, endpoint, {}, { stores, accountId });
  assert.deepEqual(failed(again.report), []);
  const [mended] = again.report.projects;
  assert.deepEqual([mended!.images.imported, mended!.images.present, mended!.iterations.imported], [7, 5, 1]);
});

test('a detector: boxes come; of its iteration what was told, at the thresholds it was told for', {
  skip,
}, async (t) => {
  const held = pictures(3);
  const [id] = held.keys() as Iterable<string> as [string];
  const told = new Map<string, Record<string, unknown>>();
  const running = await service(t, {
    pictures: held,
    told,
    settings: { domainId: 'da2e3a8a-40a5-4171-82f4-58522f70fbc1', classificationType: null, useNegativeSet: false },
  });
  const { endpoint, projectId, iterationId, tagId } = running;
  const box = { left: 0.378543377, top: 0.162310928, width: 0.280251384, height: 0.6579386 };
  const regionId = newId();
  const created = '2019-09-16T15:09:02.6993342';
  for (const one of held.keys())
    told.set(one, { regions: [{ regionId: one === id ? regionId : newId(), tagId, created, ...box }] });
  const { report, stores, accountId } = await importing(t, endpoint);
  assert.deepEqual(failed(report), []);
  const [{ compared, notes }] = report.projects as [ImportReport['projects'][0]];
  assert.deepEqual([compared.length, compared[0]!.computed], [1, null]);
  assert.match(notes.join(), /useNegativeSet/);
  const scope = { accountId, projectId };
  const { iterationPerformance, imagePerformances } = await import('../../src/services/performance.ts');
  const { getImages } = await import('../../src/services/images.ts');
  const { deleteRegions } = await import('../../src/services/regions.ts');
  const [image] = await getImages(stores, scope, [id]);
  assert.deepEqual(
    image!.regions.map((one) => [one.id, one.box, one.created]),
    [[regionId, box, Date.parse('2019-09-16T15:09:02.699Z') * 1000 + 334]],
  );
  assert.equal((await iterationPerformance(stores, scope, iterationId, { threshold: 0.35 })).precision, 0.35);
  await assert.rejects(iterationPerformance(stores, scope, iterationId, { threshold: 0.77 }), /ask for one of these/);
  const results = await imagePerformances(stores, scope, iterationId, {});
  assert.deepEqual(
    results.map((one) => one.predictions),
    [[], [], []],
  );
  // What the iteration learned from stays with it.
  await deleteRegions(stores, scope, [regionId]);
  assert.deepEqual((await getImages(stores, scope, [id]))[0]!.regions, []);
  const [same] = (await imagePerformances(stores, scope, iterationId, {})).filter((one) => one.image.id === id);
  assert.deepEqual(
    same!.image.regions.map((one) => [one.id, one.tagId, one.box]),
    [[regionId, tagId, box]],
  );
});

test('a key that is refused, a wrong address and another version are refused before anything is made', {
  skip,
}, async (t) => {
  const { endpoint, requests } = await service(t, { pictures: pictures(1) });
  const wrong = 'ffffffffffffffffffffffffffffffff';
  await assert.rejects(importing(t, endpoint, { key: wrong }), (error: Error) => {
    assert.match(error.message, /The key is refused/);
    assert.ok(!error.message.includes(wrong));
    return true;
  });
  assert.equal(requests.length, 1, 'a refused key is not tried on older versions');
  await assert.rejects(importing(t, endpoint, { apiVersion: '2.1' }), /in version 2.1 at .* but received none/);
  await assert.rejects(importing(t, endpoint, { projects: ['Nothing'] }), /0 match "Nothing"; it has .*Test Project/);
  await assert.rejects(importing(t, 'name.cognitiveservices.azure.com'), /an address such as https/);
  await assert.rejects(importing(t, 'http://127.0.0.1:1'), /but received none/);
  const led = await service(t, {
    pictures: pictures(1),
    before: ({ path }) => (path.includes('/projects') ? { status: 302, headers: { location: endpoint } } : undefined),
  });
  const before = requests.length;
  await assert.rejects(importing(t, led.endpoint), /status 302/);
  assert.equal(requests.length, before, 'the key follows no redirect');
});

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'ownsight-azure-import-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

for (const [how, signal, code] of [
  ['killed', 'SIGKILL', null],
  ['stopped by Ctrl-C', 'SIGINT', 130],
] as const)
  test(`${how} in the middle it goes on where it was: nothing is doubled, nothing fetched twice`, {
    skip,
  }, async (t) => {
    const home = join(folder, how, 'data');
    const held = pictures(60);
    let child: ReturnType<typeof spawn> | undefined;
    const { endpoint, requests } = await service(t, {
      pictures: held,
      before({ path }) {
        if (path.startsWith('/picture/') && requests.filter((one) => one.startsWith('/picture/')).length === 40)
          child?.kill(signal);
        return undefined;
      },
    });
    const keyFile = join(folder, 'key');
    writeFileSync(keyFile, key);
    assert.equal((await runOwnsight(home, ['account', 'create', 'mover'])).code, 0);
    const args = ['import', 'custom-vision', '--endpoint', endpoint, '--key-file', keyFile];
    child = spawn(process.execPath, [join(root, 'src/main.ts'), ...args], { env: environment(home), stdio: 'pipe' });
    const said: Buffer[] = [];
    child.stderr!.on('data', (piece: Buffer) => said.push(piece));
    assert.equal((await once(child, 'close'))[0], code, Buffer.concat(said).toString());
    if (signal === 'SIGINT') assert.match(Buffer.concat(said).toString(), /STOPPED.*Run the same command again/);
    const fetched = requests.filter((one) => one.startsWith('/picture/')).length;
    child = undefined;
    const { code: second, output } = await runOwnsight(home, args);
    assert.equal(second, 0, output);
    const [, imported, present] = /: (\d+) pictures.*; (\d+) pictures were here already/.exec(output)!.map(Number);
    assert.equal(imported! + present!, 60, output);
    const more = requests.filter((one) => one.startsWith('/picture/')).length - fetched;
    assert.ok(present! >= 16 && more === imported, `${present} were there, ${more} were fetched`);
    assert.equal((await runOwnsight(home, ['doctor'])).output.trim(), 'All rows, files and keys agree.');
    for (const name of readdirSync(join(home, '..'), { recursive: true, encoding: 'utf8' }))
      assert.ok(!contains(join(home, '..', name)), `the key is in ${name}`);
  });

function contains(path: string): boolean {
  try {
    return readFileSync(path).includes(key);
  } catch {
    return false;
  }
}
