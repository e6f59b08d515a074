/** The positions that `order` gives for round 0, 1, 2 …, in batches of `size`. */
export function* batches(size: number, order: (round: number) => Uint32Array): Generator<number[], never> {
  let batch: number[] = [];
  for (let round = 0; ; round++)
    for (const at of order(round)) {
      batch.push(at);
      if (batch.length < size) continue;
      yield batch;
      batch = [];
    }
}
