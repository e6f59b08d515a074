import { inTurns, limitRow, median, type Row, ratioRow } from './compare.ts';
import { startSide } from './side.ts';

/** Learning a head from kept features: an absolute bound. */
export async function headRows(_: readonly string[], rounds: number): Promise<Row[]> {
  const head = await startSide('head', undefined);
  const seconds: number[] = [];
  await head.round();
  for (let round = 0; round < rounds; round++) seconds.push(await head.round<number>());
  await head.stop();
  return [limitRow('train a head: 1,000 pictures, 20 classes, five folds', median(seconds), 3, 's')];
}

/** The job that computes features against a bare loop over the same files. */
export async function featureRows(files: readonly string[], rounds: number): Promise<Row[]> {
  // Enough of them that what happens before the first and after the last matters little.
  const many = Array.from({ length: 3 }, () => files).flat();
  const [ours, peer] = [
    await startSide('features', { files: many }),
    await startSide('bare-features', { files: many }),
  ];
  const found = await inTurns(
    rounds,
    () => ours.round<number>(),
    () => peer.round<number>(),
  );
  await ours.stop();
  await peer.stop();
  return [ratioRow('features in the background', 'pictures/s', found.ours, found.peer, 0.85)];
}
