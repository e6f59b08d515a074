import { type RawBuilder, sql } from 'kysely';
import { chunks } from '../base/concurrency.ts';
import type { MetadataFilter } from '../domain/metadata-filter.ts';
import type { Database } from './database.ts';
import type { KeyScope, Keys } from './keys.ts';
import type { ImageRow } from './schema.ts';
import { openTextOrNull, sealText } from './sealed.ts';

/** The metadata of an image: what was given, by key. */
type Metadata = Readonly<Record<string, string>>;

const kind = 'images.metadata';
/** Rows that get their marks in one transaction. */
const atOnce = 1000;

/** What stands for a pair in `metadata_lookup`: 128 bits of a keyed hash, the same in all images of a project. */
const markOf = (keys: Keys, scope: KeyScope, key: string, value: string): string =>
  keys.lookup(scope, 'image-metadata', JSON.stringify([key, value])).slice(0, 32);

/** The marks of an image's pairs, by which it is found; `null` without metadata. */
export const metadataLookup = (keys: Keys, scope: KeyScope, metadata: Metadata | null): string | null =>
  metadata &&
  Object.entries(metadata)
    .map(([key, value]) => markOf(keys, scope, key, value))
    .join(' ');

/** The columns that hold an image's metadata. */
export const metadataColumns = (
  keys: Keys,
  scope: KeyScope,
  imageId: string,
  metadata: Metadata | null,
): Pick<ImageRow, 'metadata' | 'metadata_lookup'> => ({
  metadata: metadata && sealText(keys, scope, kind, imageId, JSON.stringify(metadata)),
  metadata_lookup: metadataLookup(keys, scope, metadata),
});

/** The metadata in an image's row; `null` when none was given. */
export function openMetadata(
  keys: Keys,
  scope: KeyScope,
  { id, metadata }: Pick<ImageRow, 'id' | 'metadata'>,
): Metadata | null {
  const text = openTextOrNull(keys, scope, kind, id, metadata);
  return text === null ? null : (JSON.parse(text) as Metadata);
}

/** Whether a filter holds of a row of `images`, in terms of its marks: nothing sealed is opened. */
export function matches(keys: Keys, scope: KeyScope, filter: MetadataFilter): RawBuilder<boolean> {
  if ('parts' in filter)
    return sql`(${sql.join(
      filter.parts.map((part) => matches(keys, scope, part)),
      filter.kind === 'and' ? sql` and ` : sql` or `,
    )})`;
  const pattern = `%${markOf(keys, scope, filter.key, filter.value)}%`;
  const marks = sql`coalesce(images.metadata_lookup, '')`;
  return filter.kind === 'equal' ? sql`${marks} like ${pattern}` : sql`${marks} not like ${pattern}`;
}

/** Marks the images of a project whose metadata was stored by a version that marked none. */
export async function markMetadata(db: Database, keys: Keys, scope: Required<KeyScope>): Promise<void> {
  const rows = await db.query
    .selectFrom('images')
    .select(['id', 'metadata'])
    .where('project_id', '=', scope.projectId)
    .where('metadata', 'is not', null)
    .where('metadata_lookup', 'is', null)
    .execute();
  for (const some of chunks(rows, atOnce))
    await db.transaction(async (tx) => {
      for (const row of some)
        await tx
          .updateTable('images')
          .set({ metadata_lookup: metadataLookup(keys, scope, openMetadata(keys, scope, row)) })
          .where('id', '=', row.id)
          .where('metadata', '=', row.metadata)
          .execute();
    });
}
