import { setTimeout } from 'node:timers/promises';
import { AppError } from '../base/errors.ts';
import type { TrainingLine, TrainingProgress, TrainingState } from '../domain/progress.ts';
import type { Language } from '../store/custody-words.ts';
import type { Queries } from '../store/database.ts';
import type { IterationRow } from '../store/schema.ts';
import { openTextOrNull } from '../store/sealed.ts';
import type { App, ProjectScope } from './context.ts';
import { requireIteration } from './iterations.ts';
import type { LogEntry } from './learning.ts';
import { requireProject } from './projects.ts';
import { trainingSays } from './training-words.ts';

type Looking = Pick<App, 'db' | 'keys' | 'learning'>;

/** Who watches hears of changes no sooner than after so many ms, and of no change after so many. */
const [breath, silence] = [250, 15_000];
/** How often it is looked whether the iteration is still there, or learned by another process, ms. */
const lookEvery = 1000;

/** How far the training of an iteration is, or how it ended. @throws AppError `NotFoundProject`, `NotFoundIteration`. */
export async function trainingProgress(
  app: Looking,
  scope: ProjectScope,
  iterationId: string,
  language: Language,
): Promise<TrainingProgress> {
  const { db, keys, learning } = app;
  await requireProject(db.query, scope);
  const row = await requireIteration(db.query, scope, iterationId);
  const ended = endOf(row);
  const now = ended === undefined ? learning.of(iterationId) : undefined;
  // Another process may be at it, of which no more is known than that.
  const elsewhere =
    ended === undefined && now === undefined ? await runningJob(db.query, scope, iterationId) : undefined;
  const state = ended ?? (now === undefined && elsewhere === undefined ? 'Waiting' : 'Running');
  const phase = now?.phase ?? null;
  return {
    iterationId,
    purpose: row.rebuild === null ? 'Training' : 'Forgetting',
    state,
    says: trainingSays(state, phase, language),
    begun: now?.begun ?? null,
    phase,
    step: now?.step ?? null,
    steps: now?.steps ?? null,
    loss: now?.loss ?? null,
    score: now?.score ?? null,
    fraction: state === 'Completed' ? 1 : (now?.fraction ?? elsewhere?.progress ?? 0),
    secondsLeft: now?.left ?? null,
    log: now?.log.map(line) ?? [],
    reason: state === 'Failed' ? openTextOrNull(keys, scope, 'iterations.error', row.id, row.error) : null,
  };
}

/**
 * The same at once, whenever it changes, and every fifteen seconds, until it has ended or `signal` is aborted. When the
 * iteration is gone, it was cancelled.
 */
export async function* watchTraining(
  app: Looking,
  scope: ProjectScope,
  iterationId: string,
  language: Language,
  signal: AbortSignal,
): AsyncGenerator<TrainingProgress> {
  let last: TrainingProgress | undefined;
  let toldAt = 0;
  while (!signal.aborted) {
    const now = await trainingProgress(app, scope, iterationId, language).catch((error: unknown) => {
      if (last === undefined || !(error instanceof AppError) || !error.code.startsWith('NotFound')) throw error;
      return { ...last, state: 'Cancelled', says: trainingSays('Cancelled', null, language) } as const;
    });
    if (differ(now, last) || performance.now() - toldAt > silence) {
      toldAt = performance.now();
      yield now;
    }
    if (now.state !== 'Waiting' && now.state !== 'Running') return;
    last = now;
    await setTimeout(breath, undefined, { signal }).catch(() => undefined);
    await app.learning.changed(iterationId, lookEvery, signal);
  }
}

/** Time goes by without anything happening. */
const differ = (one: TrainingProgress, other: TrainingProgress | undefined): boolean =>
  JSON.stringify({ ...one, secondsLeft: null }) !== JSON.stringify({ ...other, secondsLeft: null });

/** How it ended; `undefined`: not yet. */
function endOf({ status, rebuild }: IterationRow): TrainingState | undefined {
  if (status === 'Training' || rebuild === 'Waiting') return undefined;
  return status === 'Failed' || rebuild === 'Failed' ? 'Failed' : 'Completed';
}

async function runningJob(
  db: Queries,
  { projectId }: ProjectScope,
  iterationId: string,
): Promise<{ progress: number } | undefined> {
  const jobs = await db
    .selectFrom('jobs')
    .select(['payload', 'progress'])
    .where('project_id', '=', projectId)
    .where('state', '=', 'running')
    .execute();
  return jobs.find(({ payload }) => (JSON.parse(payload) as { iterationId?: string }).iterationId === iterationId);
}

const line = ({ time, phase, step, steps, loss, score, note }: LogEntry): TrainingLine => ({
  time,
  phase,
  step: step ?? null,
  steps: steps ?? null,
  loss: loss ?? null,
  score: score ?? null,
  note: note ?? null,
});
