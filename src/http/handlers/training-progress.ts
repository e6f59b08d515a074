import type { ServerEvent } from '../../contract/operation.ts';
import { fromProgress } from '../../contract/progress.ts';
import type { TrainingProgress } from '../../domain/progress.ts';
import { languageFor } from '../../services/inventory.ts';
import { cancelTraining } from '../../services/iterations.ts';
import { trainingProgress, watchTraining } from '../../services/training-progress.ts';
import { type Handlers, nothing } from '../handler.ts';

/** How far trainings are, and their end before they have ended. */
export const trainingProgressHandlers: Pick<
  Handlers,
  'GetTrainingProgress' | 'WatchTrainingProgress' | 'CancelTraining'
> = {
  async GetTrainingProgress({ app, scope, params, query, languages }) {
    const language = query.language ?? languageFor(languages);
    return { body: fromProgress(await trainingProgress(app, scope, params.iterationId, language)) };
  },
  async WatchTrainingProgress({ app, scope, params, query, languages, signal }) {
    const language = query.language ?? languageFor(languages);
    const all = watchTraining(app, scope, params.iterationId, language, signal);
    // The first is awaited, so that what is not there is refused as everywhere.
    return { body: events((await all.next()).value, all) };
  },
  async CancelTraining({ app, scope, params }) {
    await cancelTraining(app, scope, params.iterationId);
    return nothing;
  },
};

async function* events(
  first: TrainingProgress | undefined,
  rest: AsyncIterable<TrainingProgress>,
): AsyncGenerator<ServerEvent> {
  const event = (one: TrainingProgress): ServerEvent => ({ event: 'progress', data: fromProgress(one) });
  if (first !== undefined) yield event(first);
  for await (const one of rest) yield event(one);
}
