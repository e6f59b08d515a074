import { createHash } from 'node:crypto';

/** A row of numbers that looks random and is always the same for the same seed and stream. */
export interface Random {
  /** From `low` up to, not including, `high`; 0 and 1 if not given. */
  uniform(low?: number, high?: number): number;
  /** Of the normal distribution with mean 0 and deviation 1. */
  normal(): number;
  /** The numbers 0..count-1 in random order. */
  order(count: number): Uint32Array;
}

/**
 * The row of a seed and a stream such as ('detector', 'augment', step, slot): rows of different streams have nothing to
 * do with each other, so that it does not matter in which order, or on which thread, they are drawn.
 * Generator: xoshiro128**, Blackman and Vigna, Scrambled linear pseudorandom number generators, 2021, started from a
 * SHA-256 of seed and stream.
 */
export function random(...stream: readonly (string | number)[]): Random {
  const hash = createHash('sha256').update(JSON.stringify(stream)).digest();
  const s = Uint32Array.from([0, 4, 8, 12], (at) => hash.readUInt32LE(at));
  const rotated = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const next = (): number => {
    const result = Math.imul(rotated(Math.imul(s[1]!, 5), 7), 9) >>> 0;
    const t = s[1]! << 9;
    s[2]! ^= s[0]!;
    s[3]! ^= s[1]!;
    s[1]! ^= s[2]!;
    s[0]! ^= s[3]!;
    s[2]! ^= t;
    s[3] = rotated(s[3]!, 11);
    return result / 2 ** 32;
  };
  return {
    uniform: (low = 0, high = 1) => low + (high - low) * next(),
    // Box and Muller, A note on the generation of random normal deviates, 1958.
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    order(count) {
      const order = Uint32Array.from({ length: count }, (_, i) => i);
      for (let i = count - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      return order;
    },
  };
}
