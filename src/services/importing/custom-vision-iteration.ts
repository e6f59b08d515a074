import { domainById } from '../../domain/domain.ts';
import type { ImportedIteration } from '../../domain/iteration.ts';
import type { Scores } from '../../domain/performance.ts';
import { pagesOf, picturesOf, type Reading, tagFrom } from './custom-vision-pictures.ts';
import type { SourceIteration, SourceProject } from './source.ts';
import { type Told, told, toldId, toldList, toldNumber, toldText, toldTime } from './told.ts';

/** The thresholds whose performance is asked for: every twentieth, but nothing and certainty. */
const thresholds = Array.from({ length: 19 }, (_, index) => (index + 1) / 20);

/** A trained iteration of a project; `undefined` for one that is not. */
export function customVisionIteration(
  reading: Reading,
  root: string,
  one: Told,
  project: SourceProject,
): SourceIteration | undefined {
  const { vision, signal } = reading;
  const id = toldId(one.id);
  if (id === undefined || one.status !== 'Completed') return undefined;
  const domainId = toldId(one.domainId);
  const type = one.classificationType;
  const detection = project.classificationType === null;
  const path = `${root}/iterations/${id}/performance`;
  return {
    id,
    name: toldText(one.name) ?? id,
    created: toldTime(one.created),
    lastModified: toldTime(one.lastModified),
    trainedAt: toldTime(one.trainedAt),
    domainId: domainId !== undefined && domainById(domainId) !== undefined ? domainId : project.domainId,
    classificationType: detection
      ? null
      : type === 'Multiclass' || type === 'Multilabel'
        ? type
        : project.classificationType,
    trainingType: one.trainingType === 'Advanced' ? 'Advanced' : 'Regular',
    reservedBudgetInHours: Math.max(0, Math.trunc(toldNumber(one.reservedBudgetInHours) ?? 0)),
    trainingTimeInMinutes: Math.max(0, Math.trunc(toldNumber(one.trainingTimeInMinutes) ?? 0)),
    publishName: toldText(one.publishName) ?? null,
    exportableTo: Array.isArray(one.exportableTo) ? one.exportableTo.filter((each) => typeof each === 'string') : [],
    async tags() {
      return toldList(await vision.get(`${root}/tags?iterationId=${id}`, signal)).flatMap((each) => {
        const tag = tagFrom(each);
        return tag === undefined
          ? []
          : { ...tag, imageCount: Math.max(0, Math.trunc(toldNumber(each.imageCount) ?? 0)) };
      });
    },
    pictures: () => picturesOf(reading, root, id),
    async *results() {
      for await (const each of pagesOf(reading, `${path}/images`, '', true)) {
        const imageId = toldId(each.id);
        const probabilities = new Map<string, number>();
        for (const prediction of toldList(each.predictions)) {
          const [tagId, probability] = [toldId(prediction.tagId), toldNumber(prediction.probability)];
          if (tagId !== undefined && probability !== undefined) probabilities.set(tagId, probability);
        }
        if (imageId !== undefined && probabilities.size > 0) yield { id: imageId, probabilities };
      }
    },
    async performance() {
      const all: ImportedIteration['performance'][number][] = [];
      for (const threshold of thresholds) {
        const answer = await vision.get(`${path}?threshold=${threshold}`, signal);
        if (answer === undefined) continue;
        const { perTagPerformance } = told(answer);
        const perTag = toldList(perTagPerformance).flatMap((tag) => {
          const tagId = toldId(tag.id);
          return tagId === undefined ? [] : { id: tagId, ...scoresFrom(tag) };
        });
        all.push({ threshold, ...scoresFrom(told(answer)), perTag });
      }
      return all;
    },
  };
}

const scoresFrom = (one: Told): Scores => ({
  precision: toldNumber(one.precision) ?? 0,
  precisionStdDeviation: toldNumber(one.precisionStdDeviation) ?? 0,
  recall: toldNumber(one.recall) ?? 0,
  recallStdDeviation: toldNumber(one.recallStdDeviation) ?? 0,
  averagePrecision: toldNumber(one.averagePrecision) ?? 0,
});
