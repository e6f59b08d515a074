/**
 * The area under the precision/recall curve: the sum over every distinct score, from the highest down, of the recall
 * gained there times the highest precision at that recall or more (the all-points rule of PASCAL VOC 2010, section
 * 3.4.1). Equal scores are taken together, so the order of the rows does not matter. 0 when nothing is true.
 * `scores` and `truths` (1 or 0) run side by side; `missed`: true things that no score stands for.
 */
export function averagePrecision(scores: readonly number[], truths: readonly number[], missed = 0): number {
  const total = truths.reduce((sum, truth) => sum + truth, missed);
  if (total === 0) return 0;
  const byScore = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!);
  const points: { precision: number; recall: number }[] = [];
  let right = 0;
  for (const [index, at] of byScore.entries()) {
    right += truths[at]!;
    const next = byScore[index + 1];
    if (next === undefined || scores[next] !== scores[at])
      points.push({ precision: right / (index + 1), recall: right / total });
  }
  let area = 0;
  let precision = 0;
  for (let i = points.length - 1; i >= 0; i--) {
    precision = Math.max(precision, points[i]!.precision);
    area += (points[i]!.recall - (points[i - 1]?.recall ?? 0)) * precision;
  }
  return area;
}

/** The {@link averagePrecision} of each label; `probabilities` and `targets`: [n, C]. */
export const averagePrecisions = (
  probabilities: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): number[] => {
  const column = (values: ArrayLike<number>, label: number): number[] =>
    Array.from({ length: values.length / classes }, (_, row) => values[row * classes + label]!);
  return Array.from({ length: classes }, (_, label) =>
    averagePrecision(column(probabilities, label), column(targets, label)),
  );
};
