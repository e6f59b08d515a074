import assert from 'node:assert/strict';
import { test } from 'node:test';
import { add, cast, flatten, matMul, relu, sigmoid } from '../graph/build.ts';
import { apply, constant, graph, input } from '../graph/graph.ts';
import { writeOnnx } from '../graph/onnx-write.ts';
import { noise } from '../graph/op-cases.ts';
import type { Tensor } from '../graph/tensor.ts';
import { tensorOf } from '../graph/tensor.ts';
import { ortRuntime } from './ort.ts';
import { referenceRuntime } from './reference.ts';
import type { Runtime } from './runtime.ts';

const runtimes: Readonly<Record<string, () => Runtime>> = { onnxruntime: ortRuntime, reference: referenceRuntime };

const picture = input('picture', 'float32', ['N', 2, 5, 5]);
const window = { strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
const map = relu(apply('Conv', [picture, noise('float32', [3, 2, 3, 3], 1)], window));
const network = writeOnnx(graph({ map, answer: sigmoid(matMul(flatten(map), noise('float32', [27, 2], 2))) }));

const pictures = (count: number): Tensor =>
  tensorOf(
    'float32',
    [count, 2, 5, 5],
    Float64Array.from({ length: 50 * count }, (_, i) => Math.sin(i)),
  );

for (const [name, runtime] of Object.entries(runtimes)) {
  test(`${name}: a session tells its inputs and outputs and computes for any count`, async () => {
    const session = await runtime().load(network);
    assert.deepEqual(
      session.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      [{ name: 'picture', dtype: 'float32', shape: ['N', 2, 5, 5] }],
    );
    assert.deepEqual(session.outputs, ['map', 'answer']);
    for (const count of [1, 3]) {
      const { map, answer } = await session.run({ picture: pictures(count) });
      assert.deepEqual(
        [[...map!.shape], [...answer!.shape]],
        [
          [count, 3, 3, 3],
          [count, 2],
        ],
      );
      assert.ok((answer!.data as Float32Array).every((value) => value > 0 && value < 1));
    }
    await session.close();
  });

  test(`${name}: the same feeds give the same bits, threads or not`, async () => {
    const feeds = { picture: pictures(2) };
    const run = async (threads: number) => {
      const session = await runtime().load(network, { threads, optimise: threads === 1 });
      const results = [await session.run(feeds), await session.run(feeds)] as const;
      await session.close();
      return results;
    };
    const [first, again] = await run(1);
    assert.deepEqual(first, again);
    const [two] = await run(2);
    two.answer!.data.forEach((value, i) => {
      assert.ok(Math.abs(Number(value) - Number(first.answer!.data[i])) < 1e-6);
    });
  });

  test(`${name}: feeds that do not fit are refused and the session stays usable`, async () => {
    const session = await runtime().load(network);
    const refuse = (feeds: Readonly<Record<string, Tensor>>, message: RegExp) =>
      assert.rejects(session.run(feeds), { code: 'BadFeed', message });
    await refuse({}, /input picture but received undefined/);
    await refuse(
      { picture: tensorOf('float64', [1, 2, 5, 5], new Float64Array(50)) },
      /expected float32 \[N, 2, 5, 5\]/,
    );
    await refuse(
      { picture: tensorOf('float32', [1, 2, 5, 4], new Float64Array(40)) },
      /received "float32 \[1, 2, 5, 4\]"/,
    );
    await refuse({ picture: pictures(1), other: pictures(1) }, /the inputs but received "other"/);
    await session.run({ picture: pictures(1) });
    await session.close();
  });

  test(`${name}: equal names of sizes must be fed equal sizes`, async () => {
    const sum = add(input('a', 'float32', ['N']), input('b', 'float32', ['N']));
    const session = await runtime().load(writeOnnx(graph({ sum })));
    const ones = (count: number) => tensorOf('float32', [count], new Float64Array(count).fill(1));
    await assert.rejects(session.run({ a: ones(2), b: ones(1) }), { code: 'BadFeed' });
    assert.deepEqual((await session.run({ a: ones(2), b: ones(2) })).sum!.data, Float32Array.of(2, 2));
    await session.close();
  });

  test(`${name}: every element type goes in and comes out`, async () => {
    for (const dtype of ['float64', 'float32', 'float16', 'int64', 'int32', 'uint8', 'bool'] as const) {
      const x = input('x', dtype, [3]);
      const session = await runtime().load(
        writeOnnx(graph({ same: apply('Identity', [x], {}), numbers: cast(x, 'float32') })),
      );
      const fed = tensorOf(dtype, [3], [0, 1, 1]);
      const { same, numbers } = await session.run({ x: fed });
      assert.deepEqual([same!.dtype, [...same!.shape]], [dtype, [3]]);
      assert.deepEqual(Array.from(same!.data, Number), [0, 1, 1]);
      assert.deepEqual(numbers!.data, Float32Array.of(0, 1, 1));
      await session.close();
    }
  });

  test(`${name}: bytes that are no model are refused`, async () => {
    await assert.rejects(runtime().load(new Uint8Array(100).fill(7)), { code: 'BadModel' });
    await assert.rejects(runtime().load(network.subarray(0, 200)), { code: 'BadModel' });
    await assert.rejects(runtime().load(new Uint8Array()), { code: 'BadModel' });
  });
}

test('a float16 tensor may lie anywhere in its memory', async () => {
  const session = await ortRuntime().load(
    writeOnnx(graph({ y: add(input('x', 'float16', [2]), constant(tensorOf('float16', [1], [1]))) })),
  );
  const memory = Float16Array.of(9, 1.5, 2.5, 9);
  const { y } = await session.run({ x: { dtype: 'float16', shape: [2], data: memory.subarray(1, 3) } });
  assert.deepEqual(Array.from(y!.data as Float16Array), [2.5, 3.5]);
  await session.close();
});
