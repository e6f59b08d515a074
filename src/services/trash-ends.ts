import { day, type Micros } from '../base/clock.ts';
import type { Queries, Tx } from '../store/database.ts';
import { unnotePredictions } from '../store/erased.ts';
import { findRetention } from '../store/retention.ts';
import type { TrashRow } from '../store/schema.ts';
import { dropRows } from '../store/trash-drop.ts';
import { countInItem, oldestTrashed, trashedUntil } from '../store/trash-ends.ts';
import { findTrashItem } from '../store/trash-items.ts';
import type { App, ProjectScope } from './context.ts';
import { emptyItem } from './trash-empty.ts';

/** What was removed from the trash because its own time was over, but for items of which nothing is left: those have receipts. */
export interface ExpiredInTrash {
  readonly predictions: number;
  readonly exports: number;
  /** Those of the exports that have a file. */
  readonly exportFiles: number;
  /** Items that were erased as a whole. */
  readonly items: number;
}

/**
 * In a transaction: removes from a project's trash the predictions and exports whose own time is over, though the trash
 * would keep them longer. An item all of which is past its time is erased as when it is due.
 */
export async function expireTrashed(
  app: Pick<App, 'keys' | 'clock' | 'queue'>,
  tx: Tx,
  scope: ProjectScope,
  now: Micros,
): Promise<ExpiredInTrash> {
  const { predictionsDays, exportsDays } = await findRetention(tx, scope.projectId);
  const days = { predictions: predictionsDays, exports: exportsDays };
  const gone = { predictions: 0, exports: 0, exportFiles: 0, items: 0 };
  for (const table of ['predictions', 'exports'] as const) {
    const kept = days[table];
    if (kept === null) continue;
    const due = await trashedUntil(tx, table, scope.projectId, now - kept * day);
    for (const [itemId, rows] of Map.groupBy(due, (row) => row.item_id)) {
      const item = await findTrashItem(tx, itemId);
      // An iteration's exports have their own end, and the iteration stays.
      const isAll = item?.kind !== 'iteration' && (await countInItem(tx, table, itemId)) === rows.length;
      if (item !== undefined && isAll) {
        await emptyItem(app, tx, item);
        gone.items++;
        continue;
      }
      const ids = rows.map((row) => row.row_id);
      await dropRows(tx, scope, table, ids);
      if (table === 'predictions') await unnotePredictions(tx, ids);
      gone[table] += ids.length;
      if (table === 'exports') gone.exportFiles += rows.filter(({ status }) => status === 'Done').length;
    }
  }
  return gone;
}

/** Until when all of an item can be brought back: its day in the trash, or the end of the first thing in it. */
export async function endOfItem(db: Queries, item: TrashRow): Promise<Micros> {
  const { id: itemId, project_id: projectId, kind, due } = item;
  if (projectId === null || (kind !== 'predictions' && kind !== 'export')) return due;
  const { predictionsDays, exportsDays } = await findRetention(db, projectId);
  const table = kind === 'export' ? 'exports' : 'predictions';
  const days = kind === 'export' ? exportsDays : predictionsDays;
  const since = await oldestTrashed(db, table, { projectId, itemId });
  return days === null || since === undefined ? due : Math.min(due, since + days * day);
}
