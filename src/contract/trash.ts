import type { Static } from 'typebox';
import { erasureKinds } from '../domain/receipt.ts';
import { longestTrashDays, trashers } from '../domain/trash.ts';
import { deletionFields } from './deletion.ts';
import { dateTime, facts, id, ids, int32, int53, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

const kind = oneOf(Object.keys(erasureKinds));
const due = dateTime({ description: 'It is erased then.' });

/** What was deleted, and whether it can be brought back. */
export const Removal = model('Removal', {
  ...deletionFields,
  trash: nullable(
    model('TrashPlace', { id: id(), due }, { description: 'Where it can be brought back; null: it is being erased.' }),
  ),
  receiptId: nullable(id({ description: 'Of the receipt there will be once it is erased; null: there was nothing.' })),
});

/** A {@link Removal} as it travels. */
export type Removal = Static<typeof Removal>;

/** A deletion that can be undone. */
export const TrashItem = model('TrashItem', {
  id: id(),
  kind,
  projectId: id(),
  projectName: text(),
  subjects: listOf(model('TrashSubject', { id: id(), name: nullable(text()) }), {
    description: 'What was deleted, at most 256 of them; pictures and predictions have no name.',
  }),
  kinds: deletionFields.kinds,
  total: deletionFields.total,
  by: oneOf(trashers),
  trashed: dateTime(),
  due,
  daysLeft: int53({ description: 'Begun days count whole.' }),
});

/** What can be brought back, latest first. */
export const Trash = model('Trash', { items: listOf(TrashItem), total: int53() });

/** Which of an item's pictures come back. */
export const TrashRestore = model(
  'TrashRestore',
  { imageIds: optional(ids(undefined, { description: 'Only these images of the item; absent: all of it.' })) },
  { 'x-problem': 'BadRequest' },
);

/** What came back. */
export const TrashRestored = model('TrashRestored', {
  id: id(),
  kind,
  projectId: id(),
  restored: facts({ description: 'How many, by kind.' }),
  dropped: facts({
    description:
      'What tied things together of which one is gone, or a tag that a picture may not carry beside a later one.',
  }),
  left: int53({ description: 'Images that stay in the trash: not named, or uploaded again meanwhile.' }),
  message: text({ description: 'What did not come back and why, in a sentence; empty when all did.' }),
});

/** What emptying began. */
export const TrashEmptied = model('TrashEmptied', {
  receiptIds: listOf(id(), { description: 'Of the receipts there will be.' }),
});

const days = { minimum: 0, maximum: longestTrashDays, 'x-problem': 'BadRequest' } as const;

/** How long what is deleted can be brought back. */
export const TrashDays = model('TrashDays', {
  days: int32({ ...days, description: 'Days; 0: what is deleted is erased at once.' }),
});
/** A new number. */
export const TrashDaysUpdate = model('TrashDaysUpdate', { days: int32(days) }, { 'x-problem': 'BadRequest' });
