import type { BlobKind } from './blobs.ts';
import { blobCustody, tableCustody } from './custody.ts';
import type { Tables } from './schema.ts';

/**
 * What an opened column holds: text, JSON, JSON in which ids of other rows occur, little-endian float32 numbers;
 * `never` leaves the server in no form.
 */
export type PlainForm = 'text' | 'json' | 'json with ids' | 'float32' | 'never';

type Columns<T extends keyof Tables> = (typeof tableCustody)[T]['columns'];
/** The columns of a table that are held in one way. */
export type ColumnHeld<T extends keyof Tables, Held extends string> = {
  [C in keyof Columns<T>]: Columns<T>[C] extends Held ? C : never;
}[keyof Columns<T>];

/** How a table's rows are taken out, and whether they are put back. */
export type TableTakeout<T extends keyof Tables> =
  | {
      /** What each sealed column holds once it is opened. Lookups stay: they tell nothing elsewhere. */
      readonly opened: { readonly [C in ColumnHeld<T, `sealed ${string}`>]: PlainForm };
      /** `restored`: put back as they were; else why not, in words. */
      readonly restore: 'restored' | { readonly not: string };
      /** Whether they go along when their project is exported for another account: never what tells of this one. */
      readonly copied?: true;
    }
  /** Taken by the takeout of the trash: see `services/takeout/trash.ts`. Not put back. */
  | { readonly takenAs: 'trash' }
  | { readonly leftOut: string };

/** How blobs of a kind are taken out. All that are, are put back. */
export type BlobTakeout =
  | { readonly takenAs: 'picture' | 'classifier' | 'export' }
  /** Why not, and whether putting back makes it anew from the picture. */
  | { readonly leftOut: string; readonly madeAnew: 'thumbnail' };

/**
 * How each table leaves the server with its owner and comes back: the half of the custody that takeout and restore loop
 * over. Total: a table that is not described here, or a sealed column without its form, does not compile.
 */
export const tableTakeout = {
  accounts: {
    opened: { user_name: 'text', email: 'text' },
    restore: { not: 'an account is made with the first archive' },
  },
  api_keys: {
    opened: { secret: 'never' },
    restore: { not: 'secrets never leave the server: a new account gets new keys' },
  },
  projects: {
    opened: {
      name: 'text',
      description: 'text',
      export_container: 'text',
      notification_queue: 'text',
      import_token: 'never',
    },
    restore: 'restored',
    copied: true,
  },
  named_keys: {
    opened: { name: 'text', secret: 'never' },
    restore: { not: 'secrets never leave the server: make new ones' },
  },
  monthly_predictions: { opened: {}, restore: { not: 'counted by the server it is put into' } },
  tags: { opened: { name: 'text', description: 'text' }, restore: 'restored', copied: true },
  images: { opened: { metadata: 'json' }, restore: 'restored', copied: true },
  image_features: { leftOut: 'computed again from the picture' },
  image_tags: { opened: {}, restore: 'restored', copied: true },
  regions: { opened: { box: 'json' }, restore: 'restored', copied: true },
  iterations: {
    opened: { name: 'text', publish_name: 'text', publish_resource: 'text', error: 'text', imported: 'json with ids' },
    restore: 'restored',
    copied: true,
  },
  iteration_tags: { opened: {}, restore: 'restored', copied: true },
  iteration_images: { opened: { regions: 'json with ids', scores: 'float32' }, restore: 'restored', copied: true },
  predictions: { opened: { application: 'text', results: 'json with ids' }, restore: 'restored' },
  suggestions: { opened: { results: 'json with ids' }, restore: { not: 'suggested again when you ask' } },
  exports: { opened: {}, restore: 'restored' },
  retention: { opened: {}, restore: 'restored' },
  trash_days: { opened: {}, restore: { not: 'a setting of the account it is put into' } },
  trash: { takenAs: 'trash' },
  trash_rows: { takenAs: 'trash' },
  audit: { opened: { detail: 'json' }, restore: { not: 'a log tells of the server it was kept on' } },
  audit_heads: { opened: { head: 'json' }, restore: { not: 'a log tells of the server it was kept on' } },
  takeouts: { leftOut: 'the archive itself' },
  takeout_entries: { leftOut: 'what was sent of archives' },
  restores: { leftOut: 'what became of archives that were put back: what they held is here itself' },
  erasures: { leftOut: 'each receipt is signed and whole by itself: ListReceipts hands them out' },
  jobs: { leftOut: 'work of the server, which it does or has done' },
  loose_blobs: { leftOut: 'files that are being removed' },
  erased: { leftOut: 'what is no longer here' },
  backups: { leftOut: 'copies of the whole server, by their ids: receipts name them' },
  holdings: { leftOut: 'counts of what is here' },
  image_lists: { leftOut: 'follows from the images and their tags' },
  image_list_blocks: { leftOut: 'follows from the images and their tags' },
  tag_sets: { leftOut: 'follows from the images and their tags' },
} as const satisfies { readonly [T in keyof Tables]: TableTakeout<T> };

/** The same for every kind of blob. */
export const blobTakeout = {
  'image-original': { takenAs: 'picture' },
  'image-thumbnail': { leftOut: 'made again from the picture', madeAnew: 'thumbnail' },
  model: { takenAs: 'classifier' },
  export: { takenAs: 'export' },
  'prediction-original': { takenAs: 'picture' },
  'prediction-thumbnail': { leftOut: 'made again from the picture', madeAnew: 'thumbnail' },
} as const satisfies { readonly [K in BlobKind]: BlobTakeout };

/** The tables that are taken out with an account or a project, parents before what hangs on them. */
export const takeoutOrder = (owner: 'account' | 'project'): (keyof Tables)[] => {
  const taken = (Object.keys(tableTakeout) as (keyof Tables)[]).filter(
    (table) => 'opened' in tableTakeout[table] && tableCustody[table].owner === owner,
  );
  const depth = (table: keyof Tables): number =>
    1 + Math.max(-1, ...parentsOf(table).map((parent) => (parent === table ? -1 : depth(parent))));
  return taken.sort((a, b) => depth(a) - depth(b));
};

/** The tables that a table's rows refer to. */
export const parentsOf = (table: keyof Tables): readonly (keyof Tables)[] => tableCustody[table].hangsOn;

/** The tables whose rows go along when a project is exported for another account, parents before what hangs on them. */
export const copiedTables: readonly (keyof Tables)[] = takeoutOrder('project').filter(
  (table) => 'copied' in tableTakeout[table],
);

/** The taken-out blobs that belong to rows of a table, and those made anew. */
export const blobKindsOf = (table: keyof Tables, which: 'takenAs' | 'madeAnew'): BlobKind[] =>
  (Object.keys(blobTakeout) as BlobKind[]).filter(
    (kind) => blobCustody[kind].hangsOn === table && which in blobTakeout[kind],
  );

/** Whether a row of the table it hangs on has its blob of this kind. */
export function hasBlob(kind: BlobKind, row: Readonly<Record<string, unknown>>): boolean {
  const { has } = blobCustody[kind] as { readonly has: 'always' | Readonly<Record<string, unknown>> };
  return has === 'always' || Object.entries(has).every(([column, value]) => row[column] === value);
}
