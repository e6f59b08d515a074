import { type TrainingProgress as Noun, trainingPhases, trainingStates } from '../domain/progress.ts';
import { dateWithZone } from './json.ts';
import { dateTime, float32, id, int53, listOf, model, nullable, oneOf, text } from './schema.ts';

const told = {
  step: nullable(int53({ description: 'Steps done of this phase.' })),
  steps: nullable(int53({ description: 'Steps of this phase, at most.' })),
  loss: nullable(float32({ description: 'What is being minimised, as told last.' })),
  score: nullable(
    float32({
      description:
        'How well it does on held-out pictures so far, 0 to 1: accuracy where a picture carries one tag, else mean average precision.',
    }),
  ),
};

/** How far a training is. */
export const TrainingProgress = model('TrainingProgress', {
  iterationId: id(),
  purpose: oneOf(['Training', 'Forgetting'], {
    description: '`Forgetting`: it is trained anew without images it is to forget, and goes on answering meanwhile.',
  }),
  state: oneOf(trainingStates),
  says: text({ description: 'State and phase in a sentence.' }),
  begun: nullable(dateTime()),
  phase: nullable(oneOf(trainingPhases)),
  ...told,
  fraction: float32({ description: 'Of the whole work, 0 to 1.' }),
  secondsLeft: nullable(
    model(
      'SecondsLeft',
      { likely: float32(), low: float32(), high: float32() },
      {
        description:
          'By the pace of the last steps; between `low` and `high` with 95 % confidence. Null: too early to say.',
      },
    ),
  ),
  log: listOf(
    model('TrainingLine', { time: dateTime(), phase: oneOf(trainingPhases), ...told, note: nullable(text()) }),
    { description: 'What it told so far, oldest first; the latest 200, while it runs.' },
  ),
  reason: nullable(text({ description: 'Why it failed, and what to do next.' })),
});

/** How far a training is, as the wire has it. */
export const fromProgress = ({ begun, log, ...rest }: Noun) => ({
  ...rest,
  begun: begun === null ? null : dateWithZone(begun),
  log: log.map(({ time, ...line }) => ({ ...line, time: dateWithZone(time) })),
});
