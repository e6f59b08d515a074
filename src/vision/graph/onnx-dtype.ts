import type { Dtype } from './tensor.ts';

/** TensorProto.DataType of onnx.proto. */
const codes: Readonly<Record<Dtype, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
};

/** The number ONNX has for an element type. */
export const codeOfDtype = (dtype: Dtype): number => codes[dtype];

/** The element type ONNX means by a number, or `undefined` when it is none of ours. */
export const dtypeOfCode = (code: number): Dtype | undefined =>
  (Object.keys(codes) as Dtype[]).find((dtype) => codes[dtype] === code);
