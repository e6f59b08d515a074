import type { Rules } from '../rule.ts';
import { plainForm, sharedDtype } from '../rule.ts';
import { badGraph, broadcast, shapeText } from '../shapes.ts';
import { stretch } from './gather.ts';

/** The matrix product [..., m, k] · [..., k, n]; leading axes broadcast. */
export const multiply: Rules<'MatMul'> = {
  MatMul: {
    arity: [2, 2],
    infer(inputs) {
      const [a, b] = [inputs[0]!.shape, inputs[1]!.shape];
      if (a.length < 2 || b.length < 2 || a.at(-1) !== b.at(-2)) {
        throw badGraph('[..., m, k] and [..., k, n]', 'MatMul', `${shapeText(a)} and ${shapeText(b)}`);
      }
      const batch = broadcast(a.slice(0, -2), b.slice(0, -2), 'MatMul');
      return { dtype: sharedDtype(inputs, 'MatMul'), shape: [...batch, a.at(-2)!, b.at(-1)!] };
    },
    evaluate([a, b], _, shape) {
      const [m, n, k] = [shape.at(-2)!, shape.at(-1)!, a!.shape.at(-1)!];
      const batch = shape.slice(0, -2);
      const left = stretch(a!, [...batch, m, k]);
      const right = stretch(b!, [...batch, k, n]);
      const result = new Float64Array(shape.reduce((total, size) => total * size, 1));
      for (let row = 0; row * n < result.length; row++) {
        const block = Math.floor(row / m) * k * n;
        for (let i = 0; i < k; i++) {
          const factor = left[row * k + i]!;
          for (let column = 0; column < n; column++)
            result[row * n + column]! += factor * right[block + i * n + column]!;
        }
      }
      return result;
    },
    onnx: plainForm,
  },
};
