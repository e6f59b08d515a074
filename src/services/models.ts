import type { Prediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import type { Queries } from '../store/database.ts';
import { findIteration } from '../store/iterations.ts';
import type { Keys } from '../store/keys.ts';
import type { IterationRow } from '../store/schema.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import type { Classifier } from '../vision/classify/classifier.ts';
import { decodeClassifier } from '../vision/classify/serialize.ts';
import type { App, ProjectScope } from './context.ts';
import { getSealed } from './pictures.ts';

/** What tells which model an iteration has. */
export type ModelOf = Pick<IterationRow, 'id' | 'model_id'>;

/** Trained models, the last few used kept in memory. */
export interface Models {
  /**
   * The classifier of a trained iteration as its row says, which may be of a moment ago: if it was trained anew since, the
   * new one. @throws AppError `BadRequestIterationIsNotTrained` when there is none.
   */
  load(scope: ProjectScope, iteration: ModelOf): Promise<Classifier>;
  /** Drops what is in memory of these iterations (all of a project's with `undefined`). */
  forget(scope: ProjectScope, iterationId?: string): void;
}

/** Keeps at most `capacity` classifiers: a hundred kilobytes each with a dozen tags. */
export function createModels(app: Pick<App, 'db' | 'blobs' | 'keys'>, capacity = 16): Models {
  const kept = new Map<string, Promise<Classifier>>();
  const read = async (scope: ProjectScope, { id, model_id }: ModelOf): Promise<Classifier> => {
    const bytes = await getSealed(app, scope, 'model', model_id ?? id);
    if (bytes !== undefined) return decodeClassifier(bytes);
    const now = await findIteration(app.db.query, scope.projectId, id);
    if (now === undefined || now.model_id === model_id) throw problem('BadRequestIterationIsNotTrained');
    return read(scope, now);
  };
  return {
    load(scope, iteration) {
      const key = `${scope.projectId}/${iteration.id}/${iteration.model_id ?? ''}`;
      const found = kept.get(key) ?? read(scope, iteration);
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
        if (key.startsWith(iterationId === undefined ? `${scope.projectId}/` : `${scope.projectId}/${iterationId}/`))
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
