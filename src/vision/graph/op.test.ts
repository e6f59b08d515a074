import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ortRuntime } from '../runtime/ort.ts';
import { evaluate } from './evaluate.ts';
import { graph } from './graph.ts';
import { readOnnx } from './onnx-read.ts';
import { writeOnnx } from './onnx-write.ts';
import { preparedCases } from './op-cases.ts';
import { numbersOf } from './tensor.ts';

for (const { name, result, feeds } of preparedCases('float32')) {
  test(`${name} is what onnxruntime computes`, async () => {
    const whole = graph({ result });
    const session = await ortRuntime().load(writeOnnx(whole));
    const [ours, theirs] = [evaluate(whole, feeds).result!, (await session.run(feeds)).result!];
    await session.close();
    assert.equal(ours.dtype, theirs.dtype);
    assert.deepEqual([...ours.shape], [...theirs.shape]);
    const expected = numbersOf(theirs);
    Array.from(numbersOf(ours)).forEach((value, i) => {
      assert.ok(
        Math.abs(value - expected[i]!) <= 1e-5 * Math.max(1, Math.abs(value)),
        `${value} is not ${expected[i]} at ${i}`,
      );
    });
  });

  test(`${name} is read back as it was written`, () => {
    const bytes = writeOnnx(graph({ result }));
    assert.deepEqual(writeOnnx(readOnnx(bytes)), bytes);
  });
}
