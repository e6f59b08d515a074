import type { Static } from 'typebox';
import { limits } from '../domain/limits.ts';
import {
  boolean,
  dateTime,
  float32,
  id,
  ids,
  int53,
  listOf,
  model,
  nullable,
  oneOf,
  optional,
  text,
} from './schema.ts';

const amount = { count: int53(), bytes: int53({ description: 'As they lie there, ciphertext and all.' }) };

/** What every answer about a deletion tells. */
export const deletionFields = {
  kinds: listOf(model('DeletedKind', { kind: text(), what: text(), ...amount })),
  total: model('DeletedAmount', amount),
  publishNames: listOf(model('DeletedPublishName', { projectId: id(), iterationId: id(), name: text() }), {
    description: 'Names under which predictions stop being answered.',
  }),
  defaultIterations: listOf(model('DeletedDefaultIteration', { projectId: id(), iterationId: id() }), {
    description: 'Default iterations: predictions that name no iteration stop being answered.',
  }),
  exports: listOf(
    model('DeletedExport', {
      exportId: id(),
      iterationId: id(),
      platform: text(),
      flavor: nullable(text()),
      status: oneOf(['Exporting', 'Failed', 'Done']),
      created: dateTime(),
      bytes: int53(),
      downloads: int53({ description: 'How often it was downloaded: those copies stay with whoever has them.' }),
      lastDownloaded: nullable(dateTime()),
    }),
  ),
  learnedFrom: listOf(
    model('LearnedFrom', {
      iterationId: id(),
      name: text(),
      publishName: nullable(text()),
      images: int53({ description: 'How many of the images, or of those that carried the tag.' }),
      exports: int53(),
      downloads: int53({ description: 'How often its exports were downloaded: those copies have learned it too.' }),
      keeps: boolean({
        description: 'Whether its record keeps what is deleted. Its model has learned from it either way.',
      }),
      rebuilt: boolean({ description: 'Whether it is trained anew without them, and so forgets them.' }),
    }),
    { description: 'Iterations that stay and learned from what is deleted, oldest first.' },
  ),
  message: text({ description: 'Which iterations still hold what is deleted, in a sentence; empty when none does.' }),
};

/** What a deletion removes for good, and what it touches. */
export const Deletion = model('Deletion', deletionFields);
/** A {@link Deletion} as it travels. */
export type Deletion = Static<typeof Deletion>;

/** What is to be forgotten. */
export const Forget = model(
  'Forget',
  {
    imageIds: ids(limits.imageIdsPerRequest),
    remakeExports: optional(
      boolean({ default: false, description: 'Make the exports that go once more, of the model that has forgotten.' }),
    ),
  },
  { 'x-problem': 'BadRequest' },
);
/** That it was begun, and what it does. */
export const ForgetBegun = model('ForgetBegun', {
  receiptId: id({ description: 'Of the receipt to come; names this work until then.' }),
  deletion: Deletion,
});
/** How far forgetting is. */
export const Forgetting = model('Forgetting', {
  receiptId: id(),
  state: oneOf(['Rebuilding', 'Failed', 'Erasing', 'Finished']),
  asked: dateTime(),
  finished: nullable(dateTime()),
  images: int53(),
  held: int53({ description: 'How many of the images an iteration still holds.' }),
  iterations: listOf(
    model('ForgettingIteration', {
      iterationId: id(),
      state: oneOf(['Waiting', 'Rebuilding', 'Rebuilt', 'Failed', 'Deleted']),
      progress: float32({ description: '0 to 1.' }),
    }),
  ),
});
/** Of a project, latest first. */
export const Forgettings = listOf(Forgetting);
