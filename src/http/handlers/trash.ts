import { Readable } from 'node:stream';
import { dateWithZone } from '../../contract/json.ts';
import { limits } from '../../domain/limits.ts';
import { languageFor } from '../../services/inventory.ts';
import { getTrashDays, setTrashDays } from '../../services/trash.ts';
import { emptyTrash, emptyTrashItem } from '../../services/trash-empty.ts';
import { readTrash, readTrashItem, readTrashThumbnail, type TrashItem } from '../../services/trash-list.ts';
import { type Restored, restoreTrashItem } from '../../services/trash-restore.ts';
import type { Handlers } from '../handler.ts';

type Ids =
  | 'GetTrashDays'
  | 'UpdateTrashDays'
  | 'ListTrash'
  | 'GetTrashItem'
  | 'GetTrashThumbnail'
  | 'RestoreTrashItem'
  | 'EmptyTrashItem'
  | 'EmptyTrash';

/** What was deleted and can be brought back. */
export const trashHandlers: Pick<Handlers, Ids> = {
  async GetTrashDays({ app, accountId }) {
    return { body: { days: await getTrashDays(app, accountId) } };
  },
  async UpdateTrashDays({ app, accountId, body }) {
    await setTrashDays(app, accountId, body.days);
    return { body: { days: body.days } };
  },
  async ListTrash({ app, accountId, query, languages }) {
    const { take = limits.defaultTake, skip = 0, language = languageFor(languages) } = query;
    const { items, total } = await readTrash(app, accountId, { take, skip }, language);
    return { body: { items: items.map(fromItem), total } };
  },
  async GetTrashItem({ app, accountId, params, query, languages }) {
    const { language = languageFor(languages) } = query;
    return { body: fromItem(await readTrashItem(app, accountId, params.trashId, language)) };
  },
  async GetTrashThumbnail({ app, accountId, params }) {
    const { bytes, mediaType } = await readTrashThumbnail(app, accountId, params.trashId, params.pictureId);
    return {
      body: {
        name: `${params.pictureId}.jpg`,
        mediaType,
        size: bytes.length,
        open: async (from: number, to: number | undefined) => Readable.from([bytes.subarray(from, to)]),
      },
    };
  },
  async RestoreTrashItem({ app, accountId, params, body }) {
    const back = await restoreTrashItem(app, accountId, params.trashId, body?.imageIds);
    return { body: { ...back, message: notBack(back) } };
  },
  async EmptyTrashItem({ app, accountId, params }) {
    await emptyTrashItem(app, accountId, params.trashId);
    return { body: { receiptIds: [params.trashId] } };
  },
  async EmptyTrash({ app, accountId }) {
    return { body: { receiptIds: await emptyTrash(app, accountId) } };
  },
};

const fromItem = ({ trashed, due, ...rest }: TrashItem) => ({
  ...rest,
  subjects: [...rest.subjects],
  trashed: dateWithZone(trashed),
  due: dateWithZone(due),
});

function notBack({ left, dropped }: Restored): string {
  const parts = [
    ...(left > 0
      ? [`${left} images stay in the trash: they were not named, or the same picture was uploaded again meanwhile.`]
      : []),
    ...Object.entries(dropped).map(
      ([kind, n]) =>
        `${n} of ${kind} did not come back: what they belong to is gone, or has a tag now that allows no other.`,
    ),
  ];
  return parts.join(' ');
}
