import type { Prediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import type { Queries } from '../store/database.ts';
import type { Keys } from '../store/keys.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import type { Classifier } from '../vision/classify/classifier.ts';
import { decodeClassifier } from '../vision/classify/serialize.ts';
import type { App, ProjectScope } from './context.ts';
import { getSealed } from './pictures.ts';

/** Trained models, the last few used kept in memory. */
export interface Models {
  /** The classifier of a trained iteration. @throws AppError `BadRequestIterationIsNotTrained` when there is none. */
  load(scope: ProjectScope, iterationId: string): Promise<Classifier>;
  /** Drops what is in memory of these iterations (all of a project's with `undefined`). */
  forget(scope: ProjectScope, iterationId?: string): void;
}

/** Keeps at most `capacity` classifiers: a hundred kilobytes each with a dozen tags. */
export function createModels(app: Pick<App, 'blobs' | 'keys'>, capacity = 16): Models {
  const kept = new Map<string, Promise<Classifier>>();
  const read = async (scope: ProjectScope, iterationId: string): Promise<Classifier> => {
    const bytes = await getSealed(app, scope, 'model', iterationId);
    if (bytes === undefined) throw problem('BadRequestIterationIsNotTrained');
    return decodeClassifier(bytes);
  };
  return {
    load(scope, iterationId) {
      const key = `${scope.projectId}/${iterationId}`;
      const found = kept.get(key) ?? read(scope, iterationId);
      kept.delete(key);
      kept.set(key, found);
      found.catch(() => kept.delete(key));
      for (const oldest of kept.keys()) {
        if (kept.size <= capacity) break;
        kept.delete(oldest);
      }
      return found;
    },
    forget(scope, iterationId) {
      for (const key of kept.keys())
        if (
          key === `${scope.projectId}/${iterationId}` ||
          (iterationId === undefined && key.startsWith(`${scope.projectId}/`))
        )
          kept.delete(key);
    },
  };
}

/** An iteration's probabilities as predictions, in the order of its outputs. */
export async function namedPredictions(
  db: Queries,
  keys: Keys,
  scope: ProjectScope,
  iterationId: string,
): Promise<(probabilities: ArrayLike<number>) => Prediction[]> {
  const tags = (await listIterationTags(db, iterationId)).map((row) => tagFromRow(keys, scope, row));
  return (probabilities) =>
    tags.map((tag, index) => ({
      tagId: tag.id,
      tagName: tag.name,
      tagType: tag.type,
      probability: probabilities[index] ?? 0,
      box: null,
    }));
}

/** Most probable first; equals in their given order. */
export const byProbability = (a: Prediction, b: Prediction): number => b.probability - a.probability;
