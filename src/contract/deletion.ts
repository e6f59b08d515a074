import type { Static } from 'typebox';
import { boolean, dateTime, id, int53, listOf, model, nullable, oneOf, text } from './schema.ts';

const amount = { count: int53(), bytes: int53({ description: 'As they lie there, ciphertext and all.' }) };

/** What a deletion removes for good, and what it touches. */
export const Deletion = model('Deletion', {
  kinds: listOf(model('DeletedKind', { kind: text(), what: text(), ...amount })),
  total: model('DeletedAmount', amount),
  publishNames: listOf(model('DeletedPublishName', { projectId: id(), iterationId: id(), name: text() }), {
    description: 'Names under which predictions stop being answered.',
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
      keeps: boolean({
        description: 'Whether its record keeps what is deleted. Its model has learned from it either way.',
      }),
    }),
    { description: 'Iterations that stay and learned from what is deleted, oldest first.' },
  ),
  message: text({ description: 'Which iterations still hold what is deleted, in a sentence; empty when none does.' }),
});
/** A {@link Deletion} as it travels. */
export type Deletion = Static<typeof Deletion>;
