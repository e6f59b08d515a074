/** One row of the table. */
export interface Row {
  readonly name: string;
  /** What ours did, in words with unit. */
  readonly ours: string;
  /** What the bare peer did in the same run. */
  readonly peer: string;
  /** The figure that counts, in words. */
  readonly result: string;
  /** Empty: the figure is told for information. */
  readonly goal: string;
  readonly ok: boolean;
  /** (largest - smallest) / median of the peer's rounds: what the machine adds by itself. */
  readonly noise: number | undefined;
}

/** The middle value; of an even number the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** The value that the given part (0..1) of the values does not exceed. */
export function quantile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(part * values.length) - 1)]!;
}

/** (largest - smallest) / median. */
export const spread = (values: readonly number[]): number =>
  (Math.max(...values) - Math.min(...values)) / median(values);

/** Ours and the peer's figures of each round, taken in turns after one round that does not count. */
export async function inTurns<A, B>(
  rounds: number,
  ours: () => Promise<A>,
  peer: () => Promise<B>,
): Promise<{ ours: A[]; peer: B[] }> {
  const found = { ours: [] as A[], peer: [] as B[] };
  await ours();
  await peer();
  for (let round = 0; round < rounds; round++) {
    found.ours.push(await ours());
    found.peer.push(await peer());
  }
  return found;
}

/** The row of two rates, larger being better: the ratio of the medians against a goal 0..1. */
export function ratioRow(
  name: string,
  unit: string,
  ours: readonly number[],
  peer: readonly number[],
  goal: number,
): Row {
  const ratio = median(ours) / median(peer);
  return {
    name,
    ours: `${rate(median(ours))} ${unit}`,
    peer: `${rate(median(peer))} ${unit}`,
    result: `${Math.round(ratio * 100)} %`,
    goal: `>= ${Math.round(goal * 100)} %`,
    ok: ratio >= goal,
    noise: spread(peer),
  };
}

/** The row of one figure, smaller being better. */
export function limitRow(name: string, value: number, limit: number, unit: string): Row {
  const text = `${value < 100 ? value.toFixed(value < 10 ? 2 : 1) : Math.round(value)} ${unit}`;
  return {
    name,
    ours: text,
    peer: '',
    result: text,
    goal: `<= ${limit} ${unit}`,
    ok: value <= limit,
    noise: undefined,
  };
}

/** The row of rates that have no goal. */
export const informationRow = (name: string, unit: string, values: readonly number[]): Row => ({
  name,
  ours: `${rate(median(values))} ${unit}`,
  peer: '',
  result: '',
  goal: '',
  ok: true,
  noise: undefined,
});

const rate = (value: number): string => (value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1));

/** Writes the table for people. */
export function printTable(rows: readonly Row[]): void {
  const cells = [
    ['', 'ours', 'bare peer', 'result', 'goal', 'noise', ''],
    ...rows.map((row) => [
      row.name,
      row.ours,
      row.peer,
      row.result,
      row.goal,
      row.noise === undefined ? '' : `±${Math.round(row.noise * 50)} %`,
      row.goal === '' ? '' : row.ok ? '✔' : '✖',
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  for (const line of cells)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
}
