/** Pixels between neighbouring cells, level by level: the maps of the backbone that the detector looks at. */
export const strides = [8, 16, 32] as const;

/** The places where a detector looks for things: those of all levels one after the other, row by row. */
export interface Cells {
  /** Pixels of the picture in width and height. */
  readonly size: number;
  readonly count: number;
  /** Cells along one side, and the position of the first one, of each level. */
  readonly levels: readonly { readonly stride: number; readonly side: number; readonly from: number }[];
  /** Of each cell, in pixels: its centre and its stride. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly stride: Float32Array;
}

/** The cells of a picture of `size` pixels, a multiple of 32. */
export function cellsOf(size: number): Cells {
  let count = 0;
  const levels = strides.map((stride) => {
    const level = { stride, side: size / stride, from: count };
    count += level.side ** 2;
    return level;
  });
  const cells = {
    size,
    count,
    levels,
    x: new Float32Array(count),
    y: new Float32Array(count),
    stride: new Float32Array(count),
  };
  for (const { stride, side, from } of levels)
    for (let i = 0; i < side ** 2; i++) {
      cells.x[from + i] = ((i % side) + 0.5) * stride;
      cells.y[from + i] = (Math.floor(i / side) + 0.5) * stride;
      cells.stride[from + i] = stride;
    }
  return cells;
}
