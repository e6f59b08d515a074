import type { ColumnHeld, tableTakeout } from '../../store/custody-takeout.ts';
import { metadataLookup } from '../../store/metadata.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import type { App, ProjectScope } from '../context.ts';
import { iterationNameLookup, publishNameLookup } from '../iterations.ts';
import { projectNameLookup } from '../projects.ts';
import { tagNameLookup } from '../tags.ts';

type Lookup = (app: Pick<App, 'keys'>, scope: ProjectScope, row: AnyRow, sha256: string | undefined) => string | null;

/** The tables whose rows are put back. */
type Restored = {
  [T in keyof Tables]: (typeof tableTakeout)[T] extends { readonly restore: 'restored' } ? T : never;
}[keyof Tables];

/**
 * How each lookup of a row is made anew under the keys of the account it comes to, from the opened row and the SHA-256
 * of its blob. Total: a lookup without its recipe does not compile.
 */
export const lookups: { readonly [T in Restored]: { readonly [C in ColumnHeld<T, 'lookup'>]: Lookup } } = {
  projects: { name_lookup: (app, scope, row) => projectNameLookup(app, scope.accountId, row.name as string) },
  tags: { name_lookup: (app, scope, row) => tagNameLookup(app, scope, row.name as string) },
  images: {
    digest: (app, scope, _row, sha256) => app.keys.lookup(scope, 'image-digest', Buffer.from(sha256 ?? '', 'hex')),
    metadata_lookup: (app, scope, row) =>
      metadataLookup(app.keys, scope, row.metadata as Readonly<Record<string, string>> | null),
  },
  iterations: {
    name_lookup: (app, scope, row) => iterationNameLookup(app, scope, row.name as string),
    // Until all of the project is there; equal to no other.
    training_set: (app, scope, row) => app.keys.lookup(scope, 'training-set', row.id as string),
    publish_lookup: (app, scope, row) =>
      row.publish_name === null ? null : publishNameLookup(app, scope, row.publish_name as string),
  },
  image_tags: {},
  regions: {},
  iteration_tags: {},
  iteration_images: {},
  predictions: {},
  exports: {},
  retention: {},
};
