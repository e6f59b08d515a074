import type { Prediction } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import type { Box } from '../domain/region.ts';
import type { Tag } from '../domain/tag.ts';
import type { Queries } from '../store/database.ts';
import { findIteration } from '../store/iterations.ts';
import type { Keys } from '../store/keys.ts';
import type { IterationRow } from '../store/schema.ts';
import { listIterationTags, tagFromRow } from '../store/tags.ts';
import type { Found } from '../vision/image/box.ts';
import { decodeModel, type TrainedModel } from '../vision/trained-model.ts';
import type { App, ProjectScope } from './context.ts';
import { getSealed } from './pictures.ts';

/** What tells which model an iteration has. */
export type ModelOf = Pick<IterationRow, 'id' | 'model_id' | 'backbone'>;

/** A trained model. */
export type Model = TrainedModel & {
  /** The id of its blob: another one whenever the model is another. */
  readonly id: string;
  /** What it learned on. */
  readonly backbone: string | null;
};

/** Trained models, those used last kept in memory. */
export interface Models {
  /**
   * The model of a trained iteration as its row says, which may be of a moment ago: if it was trained anew since, the
   * new one. @throws AppError `BadRequestIterationIsNotTrained` when there is none.
   */
  load(scope: ProjectScope, iteration: ModelOf): Promise<Model>;
  /** Drops what is in memory of these iterations (all of a project's with `undefined`). */
  forget(scope: ProjectScope, iterationId?: string): void;
}

const MiB = 1024 * 1024;

/** The one place that opens models. Keeps at most `capacity` bytes of them, and the one used last however large it is. */
export function createModels(app: Pick<App, 'db' | 'blobs' | 'keys'>, capacity = 128 * MiB): Models {
  const kept = new Map<string, { readonly model: Promise<Model>; bytes: number }>();
  const read = async (
    scope: ProjectScope,
    { id, model_id, backbone }: ModelOf,
  ): Promise<Model & { readonly bytes: number }> => {
    const bytes = await getSealed(app, scope, 'model', model_id ?? id);
    if (bytes !== undefined) return { ...decodeModel(bytes), id: model_id ?? id, backbone, bytes: bytes.length };
    const now = await findIteration(app.db.query, scope.projectId, id);
    if (now === undefined || now.model_id === model_id) throw problem('BadRequestIterationIsNotTrained');
    return read(scope, now);
  };
  const begin = (key: string, scope: ProjectScope, iteration: ModelOf) => {
    const model = read(scope, iteration);
    const entry = { model, bytes: 0 };
    model.then(
      ({ bytes }) => {
        entry.bytes = bytes;
        makeRoom();
      },
      () => kept.get(key) === entry && kept.delete(key),
    );
    return entry;
  };
  const makeRoom = (): void => {
    let bytes = [...kept.values()].reduce((sum, entry) => sum + entry.bytes, 0);
    for (const [key, entry] of kept) {
      if (bytes <= capacity || kept.size === 1) break;
      kept.delete(key);
      bytes -= entry.bytes;
    }
  };
  return {
    load(scope, iteration) {
      const key = `${scope.projectId}/${iteration.id}/${iteration.model_id ?? ''}`;
      const entry = kept.get(key) ?? begin(key, scope, iteration);
      // The one used last is the last.
      kept.delete(key);
      kept.set(key, entry);
      return entry.model;
    },
    forget(scope, iterationId) {
      for (const key of kept.keys())
        if (key.startsWith(iterationId === undefined ? `${scope.projectId}/` : `${scope.projectId}/${iterationId}/`))
          kept.delete(key);
    },
  };
}

/** How what an iteration's model says is called: its outputs are its tags, in order. */
export interface Naming {
  /** Of a classifier: one probability for each output. */
  readonly probabilities: (probabilities: ArrayLike<number>) => Prediction[];
  /** Of a detector: what it found, in the order given. */
  readonly found: (found: readonly Found[]) => Prediction[];
}

/** The naming of an iteration's answers. */
export async function namingOf(db: Queries, keys: Keys, scope: ProjectScope, iterationId: string): Promise<Naming> {
  const tags = (await listIterationTags(db, iterationId)).map((row) => tagFromRow(keys, scope, row));
  const named = ({ id, name, type }: Tag, probability: number, box: Box | null): Prediction => ({
    tagId: id,
    tagName: name,
    tagType: type,
    probability,
    box,
  });
  return {
    probabilities: (probabilities) => tags.map((tag, index) => named(tag, probabilities[index] ?? 0, null)),
    found: (found) =>
      found.map(({ label, score, left, top, width, height }) =>
        named(tags[label]!, score, { left, top, width, height }),
      ),
  };
}

/** Most probable first; equals in their given order. */
export const byProbability = (a: Prediction, b: Prediction): number => b.probability - a.probability;
