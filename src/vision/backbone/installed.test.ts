import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { plantBackbone } from '../../../test/fixtures/own-backbone.ts';
import { testPictures } from '../export/test-vectors.ts';
import { bmpFile } from '../image/fixture-bmp.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { taskTable } from '../threads/tasks.ts';
import { factsOf, findBackbone, installedBackbones, referenceTo } from './installed.ts';
import { readBackbone } from './load.ts';
import { builtIn, pullable } from './registry.ts';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const shared = `${process.env.OWNSIGHT_SHARED ?? `${repository}../shared`}/models`;
const [mobilenet] = pullable;
const file = `${shared}/tf2_mobilenet_v2_1.0_224_ptq.tflite`;
const skip = existsSync(file) ? false : `needs ${file}`;

/** A folder of backbones. */
function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-models-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('what lies in the folder is installed, by name; a reference finds that very one and no other', async (t) => {
  const folder = folderOf(t);
  const names = async () => (await installedBackbones(folder)).map(({ entry }) => entry.name);
  assert.deepEqual(await names(), ['ownsight-s']);
  assert.deepEqual(
    (await installedBackbones(join(folder, 'none'))).map(({ entry }) => entry),
    [builtIn],
  );
  plantBackbone(folder);
  assert.deepEqual(await names(), ['ownsight-s', 'mine']);
  const { entry } = await findBackbone('mine', folder);
  const reference = referenceTo(entry)!;
  assert.match(reference, /^mine@5fca50b27539c6f6\/160\//);
  assert.equal((await findBackbone(reference, folder)).entry.name, 'mine');
  assert.equal(factsOf(builtIn).reference, null);
  plantBackbone(folder, { size: 128 });
  const failure = { code: 'BadRequestOperationNotSupported' };
  await assert.rejects(findBackbone(reference, folder), { ...failure, message: /another one.*models add FILE/ });
  await assert.rejects(findBackbone('mobilenet-v2', folder), { ...failure, message: /models pull mobilenet-v2/ });
  await assert.rejects(findBackbone('mine', undefined), { ...failure, message: /not on this server/ });
  for (const wrong of [{ size: 0 }, { file: '../mine.onnx' }, { pixels: 'huge' }, { name: 'A B' }]) {
    plantBackbone(folder, wrong as object);
    await assert.rejects(installedBackbones(folder), { code: 'BadBackbone' }, JSON.stringify(wrong));
  }
});

test('a thread computes on several backbones, each loaded when it is first named', async (t) => {
  const folder = folderOf(t);
  plantBackbone(folder);
  const { features, close } = taskTable(ortRuntime(), folder);
  const pictures = testPictures(builtIn.size).map((pixels) => bmpFile(pixels, builtIn.size));
  const asked = ['mine', null, 'mine', undefined].map((backbone) => features({ pictures, backbone }, {}, []));
  const [mine, plain, again, same] = await Promise.all(asked);
  assert.deepEqual([again, same], [mine, plain]);
  assert.deepEqual(
    plain!.map((all) => all.slice(768)),
    mine,
  );
  await assert.rejects(features({ pictures, backbone: 'other' }, {}, []), { code: 'BadRequestOperationNotSupported' });
  await close();
});

test('pixels are scaled as a network takes them', async (t) => {
  const folder = folderOf(t);
  plantBackbone(folder, { pixels: 'imagenet' });
  const { entry } = await findBackbone('mine', folder);
  const { nodes, inputs } = await readBackbone(entry, 64, 1, folder);
  const of = (op: string) => nodes.find((node) => node.kind === 'op' && node.op === op)!;
  const numbers = (node: (typeof nodes)[number]) =>
    node.kind === 'op' ? node.inputs.flatMap((each) => (each.kind === 'constant' ? [...each.value.data] : [])) : [];
  // Black, -1 here, is (0 - 0.485) / 0.229 there; white, 1 here, is (1 - 0.485) / 0.229.
  const [factor, offset] = [Number(numbers(of('Mul'))[0]), Number(numbers(of('Add'))[0])];
  assert.ok(Math.abs(offset - factor + 0.485 / 0.229) < 1e-5 && Math.abs(offset + factor - 0.515 / 0.229) < 1e-5);
  assert.deepEqual(inputs[0]!.shape, [1, 3, 64, 64]);
});

test('MobileNetV2 gives out maps of every size asked for', { skip }, async (t) => {
  const folder = folderOf(t);
  copyFileSync(file, join(folder, mobilenet!.file));
  assert.deepEqual(
    (await installedBackbones(folder)).map(({ entry }) => entry.name),
    ['ownsight-s', 'mobilenet-v2'],
  );
  for (const size of [160, 320]) {
    const { outputs } = await readBackbone(mobilenet!, size, 2, folder);
    assert.deepEqual(
      Object.entries(outputs).map(([name, { shape }]) => [name, ...shape]),
      [
        ['stride8', 2, 192, size / 8, size / 8],
        ['stride16', 2, 576, size / 16, size / 16],
        ['stride32', 2, 1280, size / 32, size / 32],
        ['features', 2, 1280],
      ],
    );
  }
});
