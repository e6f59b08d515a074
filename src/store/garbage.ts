import { sql } from 'kysely';
import type { Micros } from '../base/clock.ts';
import { type BlobKind, blobKey } from './blobs.ts';
import { blobCustody, tableCustody } from './custody.ts';
import type { Tx } from './database.ts';
import type { KeyScope } from './keys.ts';
import { abandonBlobs } from './loose-blobs.ts';
import type { Tables } from './schema.ts';
import { keptInTrash } from './trash-items.ts';

/** Where a walk over a project's deleted rows stands. */
export interface GarbageCursor {
  readonly created: Micros;
  readonly id: string;
}

/** Both kinds of row that outlive their deletion from the workspace, with what may still refer to them. */
const keptBy = {
  images: { iterations: 'iteration_images', column: 'image_id' },
  tags: { iterations: 'iteration_tags', column: 'tag_id' },
} as const;

/**
 * Looks at the next `limit` images or tags that were deleted from a project's workspace and removes those that
 * neither an iteration nor the trash keeps any more, giving their blobs to the sweep. Returns where to go on; `undefined` at the end.
 */
export async function collectGarbage(
  tx: Tx,
  table: 'images' | 'tags',
  scope: Required<KeyScope>,
  after: GarbageCursor | undefined,
  limit: number,
): Promise<GarbageCursor | undefined> {
  const { iterations, column } = keptBy[table];
  const rows = await tx
    .selectFrom(table)
    .select((at) => [
      `${table}.id`,
      `${table}.created`,
      at
        .selectFrom(iterations)
        .select('iteration_id')
        .whereRef(`${iterations}.${column}` as 'iteration_images.image_id', '=', `${table}.id`)
        .limit(1)
        .as('kept_by'),
      keptInTrash(column, sql.ref(`${table}.id`)).as('trashed'),
    ])
    .where('project_id', '=', scope.projectId)
    .where('workspace', '=', 0)
    .$if(after !== undefined, (rest) =>
      rest.where((at) => at(at.refTuple('created', 'id'), '>', at.tuple(after!.created, after!.id))),
    )
    .orderBy('created')
    .orderBy('id')
    .limit(limit)
    .execute();
  const ids = rows.filter((row) => row.kept_by === null && !row.trashed).map((row) => row.id);
  if (ids.length > 0) {
    const kinds = blobKindsOf(table);
    await abandonBlobs(
      tx,
      scope.projectId,
      ids.flatMap((id) => kinds.map((kind) => blobKey(scope.accountId, scope.projectId, kind, id))),
    );
    for (const child of childrenOf(table))
      if (child !== iterations)
        await tx
          .deleteFrom(child as 'regions')
          .where(column, 'in', ids)
          .execute();
    // What ties them to something that is in the trash.
    await tx.deleteFrom('trash_rows').where(column, 'in', ids).execute();
    await tx.deleteFrom(table).where('id', 'in', ids).execute();
  }
  return rows.length < limit ? undefined : rows.at(-1);
}

const childrenOf = (table: keyof Tables): (keyof Tables)[] =>
  (Object.keys(tableCustody) as (keyof Tables)[]).filter((other) =>
    (tableCustody[other].hangsOn as readonly string[]).includes(table),
  );

const blobKindsOf = (table: keyof Tables): BlobKind[] =>
  (Object.keys(blobCustody) as BlobKind[]).filter((kind) => blobCustody[kind].hangsOn === table);
