import type { BlobKind } from './blobs.ts';
import type { Sealed, Tables } from './schema.ts';

/**
 * What kind of data something is, from the owner's point of view: `content` they gave; `derived` was computed from it;
 * `secret` opens doors; `record` is when, how many, in which state.
 */
export type DataClass = 'content' | 'derived' | 'secret' | 'record';

/** How the value of a column is held: in the clear where it tells nothing a user wrote, as HMAC for looking up, or sealed. */
type ClearColumn = 'id' | 'ids' | 'time' | 'number' | 'flag' | 'word' | 'lookup';
/** A column of ciphertext, by the key that seals it. */
export type SealedColumn = 'sealed by account key' | 'sealed by project key';
/** Ciphertext columns must name their key, and only they. */
type ColumnOf<Value> = Extract<Value, Sealed> extends never ? ClearColumn : SealedColumn;

/** What holds for rows and blobs alike. */
interface Custody {
  /** Whose it is and with whom it is erased. `server`: it refers to things only by id and outlives them for a while. */
  readonly owner: 'account' | 'project' | 'server';
  /** In plain words, for the owner. Other languages: `custody-words.ts`. */
  readonly what: string;
  /** What it is kept for, in plain words. */
  readonly why: string;
  readonly dataClass: DataClass;
  /** How long it is kept, in plain words. */
  readonly kept: string;
  /** Operations of the contract that show it to its owner. */
  readonly shownBy: readonly string[];
  /** Operations of the contract that delete it, beside those that delete what it hangs on. */
  readonly deletedBy: readonly string[];
}

/** The custody of a table's rows. */
export interface TableCustody<Row> extends Custody {
  /** The columns that identify a row; joined by `/` they are the `id` its ciphertext is bound to. */
  readonly key: readonly (keyof Row & string)[];
  /** The tables its rows refer to: they are erased after it. */
  readonly hangsOn: readonly (keyof Tables)[];
  readonly columns: { readonly [Column in keyof Row]-?: ColumnOf<Row[Column]> };
}

/** The custody of one kind of blob. All are sealed by the project's key, their kind and id. */
export type BlobCustody = { [T in keyof Tables]: BlobCustodyOn<T> }[keyof Tables];

interface BlobCustodyOn<T extends keyof Tables> extends Custody {
  /** The table whose row of the same id refers to the blob. */
  readonly hangsOn: T;
  /** The column of that row which holds the blob's id; where it is null, and without it, the blob has the row's own. */
  readonly named?: keyof Tables[T] & string;
  /** The column of that row which tells how many bytes the blob has, in the clear. */
  readonly size: keyof Tables[T] & string;
  /** Whether each such row has its blob; else only rows in `has`. */
  readonly has: 'always' | Readonly<Record<string, string | number>>;
}

/**
 * Who owns what the server stores, where it hangs, how long it stays and how it is held. Total: a table, a column or a
 * kind of blob that is not described here does not compile. Inventory, erasure and examination are loops over it.
 */
export const tableCustody = {
  accounts: {
    owner: 'account',
    what: 'your account: user name and e-mail address',
    why: 'to know whose data this is',
    dataClass: 'content',
    kept: 'until the account is deleted',
    shownBy: ['GetAccountInfo'],
    deletedBy: ['DeleteAccount'],
    key: ['id'],
    hangsOn: [],
    columns: {
      id: 'id',
      user_name: 'sealed by account key',
      email: 'sealed by account key',
      tier: 'word',
      created: 'time',
      deleted: 'time',
    },
  },
  api_keys: {
    owner: 'account',
    what: 'the keys that open your account',
    why: 'to let your programs in and nobody else’s; sealed rather than hashed, so that you can look them up',
    dataClass: 'secret',
    kept: 'until the key is rotated or the account deleted',
    shownBy: ['GetAccountInfo'],
    deletedBy: ['DeleteAccount'],
    key: ['id'],
    hangsOn: ['accounts'],
    columns: {
      id: 'id',
      account_id: 'id',
      purpose: 'word',
      slot: 'word',
      lookup: 'lookup',
      secret: 'sealed by account key',
      created: 'time',
    },
  },
  projects: {
    owner: 'project',
    what: 'a project: name, description and settings',
    why: 'to keep together what belongs to one task, with its settings',
    dataClass: 'content',
    kept: 'until the project is deleted',
    shownBy: ['GetProjects', 'GetProject'],
    deletedBy: ['DeleteProject', 'DeleteAccount'],
    key: ['id'],
    hangsOn: ['accounts'],
    columns: {
      id: 'id',
      account_id: 'id',
      name: 'sealed by project key',
      name_lookup: 'lookup',
      description: 'sealed by project key',
      domain_id: 'id',
      classification_type: 'word',
      target_export_platforms: 'word',
      created: 'time',
      modified: 'time',
      iteration_count: 'number',
      deleted: 'time',
    },
  },
  tags: {
    owner: 'project',
    what: 'a tag: name and description',
    why: 'to know what the pictures show, and to name it in answers',
    dataClass: 'content',
    kept: 'until it is deleted and no iteration that learned it is left',
    shownBy: ['GetTags', 'GetTag'],
    deletedBy: ['DeleteTag', 'DeleteIteration'],
    key: ['id'],
    hangsOn: ['projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      name: 'sealed by project key',
      name_lookup: 'lookup',
      description: 'sealed by project key',
      type: 'word',
      created: 'time',
      workspace: 'flag',
    },
  },
  images: {
    owner: 'project',
    what: 'what is known of a picture: size, format, and the metadata you gave',
    why: 'to show your pictures to you, and to find the same picture twice',
    dataClass: 'content',
    kept: 'until it is deleted and no iteration that learned from it is left',
    shownBy: ['GetImages', 'GetTaggedImages', 'GetUntaggedImages', 'GetImagesByIds'],
    deletedBy: ['DeleteImages', 'RemoveImages', 'ForgetImages', 'DeleteIteration'],
    key: ['id'],
    hangsOn: ['projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      created: 'time',
      width: 'number',
      height: 'number',
      format: 'word',
      bytes: 'number',
      thumbnail_bytes: 'number',
      digest: 'lookup',
      metadata: 'sealed by project key',
      workspace: 'flag',
      features: 'flag',
    },
  },
  image_features: {
    owner: 'project',
    what: 'the numbers that training uses instead of the picture',
    why: 'to train in seconds: computed once, instead of at each training',
    dataClass: 'derived',
    kept: 'as long as what is known of the picture',
    shownBy: [],
    deletedBy: ['DeleteImages', 'RemoveImages', 'ForgetImages', 'DeleteIteration'],
    key: ['image_id'],
    hangsOn: ['projects', 'images'],
    columns: { image_id: 'id', project_id: 'id', recipe: 'word', features: 'sealed by project key' },
  },
  image_tags: {
    owner: 'project',
    what: 'which tags a picture carries',
    why: 'to train: what is to be recognised in which picture',
    dataClass: 'content',
    kept: 'until the tag is taken off, or the picture or the tag is deleted',
    shownBy: ['GetTaggedImages', 'GetImagesByIds'],
    deletedBy: ['DeleteImageTags', 'DeleteTag', 'DeleteImages', 'RemoveImages', 'ForgetImages'],
    key: ['image_id', 'tag_id'],
    hangsOn: ['images', 'tags', 'projects'],
    columns: { image_id: 'id', tag_id: 'id', project_id: 'id', created: 'time' },
  },
  regions: {
    owner: 'project',
    what: 'where in a picture something is',
    why: 'to train: where in which picture it is to be recognised',
    dataClass: 'content',
    kept: 'until it is deleted, or the picture or the tag is',
    shownBy: ['GetTaggedImages', 'GetImagesByIds'],
    deletedBy: ['DeleteImageRegions', 'DeleteTag', 'DeleteImages', 'RemoveImages', 'ForgetImages'],
    key: ['id'],
    hangsOn: ['images', 'tags', 'projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      image_id: 'id',
      tag_id: 'id',
      box: 'sealed by project key',
      created: 'time',
    },
  },
  iterations: {
    owner: 'project',
    what: 'a training: its name, settings and outcome, and the name it is published under',
    why: 'to answer predictions with what was learned, and to compare trainings',
    dataClass: 'content',
    kept: 'until the iteration is deleted',
    shownBy: ['GetIterations', 'GetIteration', 'GetIterationPerformance'],
    deletedBy: ['DeleteIteration'],
    key: ['id'],
    hangsOn: ['projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      name: 'sealed by project key',
      name_lookup: 'lookup',
      status: 'word',
      created: 'time',
      modified: 'time',
      trained_at: 'time',
      domain_id: 'id',
      classification_type: 'word',
      training_type: 'word',
      reserved_budget_hours: 'number',
      training_minutes: 'number',
      model_bytes: 'number',
      model_id: 'id',
      rebuild: 'word',
      remake_exports: 'flag',
      training_set: 'lookup',
      publish_name: 'sealed by project key',
      publish_lookup: 'lookup',
      publish_resource: 'sealed by project key',
      error: 'sealed by project key',
      imported: 'sealed by project key',
    },
  },
  iteration_tags: {
    owner: 'project',
    what: 'which tags an iteration learned',
    why: 'to name the answers of a training as its tags were named',
    dataClass: 'record',
    kept: 'until the iteration is deleted',
    shownBy: ['GetTags', 'GetIterationPerformance'],
    deletedBy: ['DeleteIteration'],
    key: ['iteration_id', 'tag_id'],
    hangsOn: ['iterations', 'tags', 'projects'],
    columns: { iteration_id: 'id', tag_id: 'id', project_id: 'id', position: 'number', image_count: 'number' },
  },
  iteration_images: {
    owner: 'project',
    what: 'which pictures an iteration learned from, and what it said of each before it had seen it',
    why: 'to tell which models learned from a picture, and how well each does on pictures it had not seen',
    dataClass: 'derived',
    kept: 'until the iteration is deleted, or the picture is deleted from all iterations',
    shownBy: ['GetImagePerformances', 'GetTaggedImages'],
    deletedBy: ['DeleteIteration', 'DeleteImages', 'RemoveImages', 'ForgetImages'],
    key: ['iteration_id', 'image_id'],
    hangsOn: ['iterations', 'images', 'projects'],
    columns: {
      iteration_id: 'id',
      image_id: 'id',
      project_id: 'id',
      tag_ids: 'ids',
      fold: 'number',
      scores: 'sealed by project key',
      forgetting: 'flag',
    },
  },
  predictions: {
    owner: 'project',
    what: 'a picture you asked about: what was answered, when and to which application',
    why: 'to let you look at answers again, and train with pictures that were hard',
    dataClass: 'derived',
    kept: 'until it is deleted, or as many days as the project keeps predictions: 30 unless you say otherwise, none at 0',
    shownBy: ['QueryPredictions'],
    deletedBy: ['DeletePrediction'],
    key: ['id'],
    hangsOn: ['projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      iteration_id: 'id',
      created: 'time',
      application: 'sealed by project key',
      results: 'sealed by project key',
      width: 'number',
      height: 'number',
      format: 'word',
      bytes: 'number',
      thumbnail_bytes: 'number',
    },
  },
  exports: {
    owner: 'project',
    what: 'that a model was exported: to which platform, when, how large',
    why: 'to list the models you took out, and where they can be downloaded',
    dataClass: 'record',
    kept: 'until it or the iteration is deleted, or as many days as you say the project keeps exports',
    shownBy: ['GetExports'],
    deletedBy: ['DeleteExport', 'DeleteIteration', 'ForgetImages'],
    key: ['id'],
    hangsOn: ['iterations', 'projects'],
    columns: {
      id: 'id',
      project_id: 'id',
      iteration_id: 'id',
      platform: 'word',
      flavor: 'word',
      status: 'word',
      created: 'time',
      modified: 'time',
      bytes: 'number',
      downloads: 'number',
      downloaded: 'time',
    },
  },
  retention: {
    owner: 'project',
    what: 'how many days a project keeps stored predictions and exports',
    why: 'to delete stored predictions and exports by themselves when their time is over',
    dataClass: 'record',
    kept: 'until the project is deleted',
    shownBy: ['GetRetention'],
    deletedBy: ['DeleteProject'],
    key: ['project_id'],
    hangsOn: ['projects'],
    columns: { project_id: 'id', predictions_days: 'number', exports_days: 'number' },
  },
  audit: {
    owner: 'account',
    what: 'the log of what was done with your account: when, which action, to what, by its id',
    why: 'to let you see who did what with your data, and when',
    dataClass: 'record',
    kept: 'until the account is deleted',
    shownBy: ['GetAudit'],
    deletedBy: ['DeleteAccount'],
    key: ['id'],
    hangsOn: ['accounts'],
    columns: {
      id: 'id',
      account_id: 'id',
      number: 'number',
      created: 'time',
      action: 'word',
      project_id: 'id',
      subject_id: 'id',
      detail: 'sealed by account key',
      previous: 'lookup',
      hash: 'lookup',
    },
  },
  audit_heads: {
    owner: 'account',
    what: 'where that log ends, so that nothing can be cut off it',
    why: 'to notice when an entry of the diary was taken away or changed',
    dataClass: 'record',
    kept: 'until the account is deleted',
    shownBy: ['GetAudit'],
    deletedBy: ['DeleteAccount'],
    key: ['account_id'],
    hangsOn: ['accounts'],
    columns: { account_id: 'id', head: 'sealed by account key' },
  },
  erasures: {
    owner: 'server',
    what: 'what you deleted, by ids, numbers and times, with its receipt',
    why: 'to finish every erasure, and to prove it to you',
    dataClass: 'record',
    kept: 'until the account is deleted; the receipt of that, and of what went by itself when its time was over, for 90 days',
    shownBy: ['ListReceipts', 'GetReceipt'],
    deletedBy: [],
    key: ['id'],
    hangsOn: [],
    columns: {
      id: 'id',
      account_id: 'id',
      project_id: 'id',
      kind: 'word',
      subjects: 'ids',
      counts: 'number',
      kept: 'number',
      keys_destroyed: 'ids',
      rebuilds: 'ids',
      rebuilt: 'ids',
      audit: 'lookup',
      asked: 'time',
      invisible: 'time',
      finished: 'time',
      receipt: 'lookup',
    },
  },
  jobs: {
    owner: 'server',
    what: 'work that waits or runs, by the ids of what it is about',
    why: 'to finish what was begun, after a restart too',
    dataClass: 'record',
    kept: 'until it has ended; 30 days when it failed',
    shownBy: [],
    deletedBy: [],
    key: ['id'],
    hangsOn: [],
    columns: {
      id: 'id',
      account_id: 'id',
      project_id: 'id',
      name: 'word',
      payload: 'ids',
      state: 'word',
      once: 'ids',
      attempts: 'number',
      run_at: 'time',
      lease_until: 'time',
      lease_holder: 'id',
      cancel_requested: 'flag',
      progress: 'number',
      error: 'word',
      created: 'time',
      modified: 'time',
    },
  },
  loose_blobs: {
    owner: 'server',
    what: 'which files are to be removed: by their ids',
    why: 'to leave no file behind when something is deleted or interrupted',
    dataClass: 'record',
    kept: 'until the file is removed, an hour at most',
    shownBy: [],
    deletedBy: [],
    key: ['key'],
    hangsOn: [],
    columns: { key: 'ids', project_id: 'id', sweep_after: 'time' },
  },
  erased: {
    owner: 'server',
    what: 'what was erased: by its ids',
    why: 'to erase it again when an older copy of the data is put back',
    dataClass: 'record',
    kept: 'until it stands in the list beside the keys, seconds later; in the list as long as the server',
    shownBy: [],
    deletedBy: [],
    key: ['seq'],
    hangsOn: [],
    columns: { seq: 'number', kind: 'word', row_id: 'id' },
  },
  backups: {
    owner: 'server',
    what: 'which copies of the data were made and until when they are kept: by random ids',
    why: 'to tell you in each receipt which copies may still hold what was erased',
    dataClass: 'record',
    kept: 'until the copy is thrown away',
    shownBy: [],
    deletedBy: [],
    key: ['id'],
    hangsOn: [],
    columns: { id: 'id', made: 'time', until: 'time' },
  },
  holdings: {
    owner: 'server',
    what: 'how many of each kind of thing you have here, and how many bytes',
    why: 'to show you at once how much there is',
    dataClass: 'record',
    kept: 'as long as what is counted',
    shownBy: ['GetData', 'GetProjectData'],
    deletedBy: [],
    key: ['scope_id', 'kind'],
    hangsOn: [],
    columns: {
      scope_id: 'id',
      account_id: 'id',
      kind: 'word',
      count: 'number',
      bytes: 'number',
      deleted: 'number',
    },
  },
} as const satisfies { readonly [T in keyof Tables]: TableCustody<Tables[T]> };

/** The same for every kind of blob. */
export const blobCustody = {
  'image-original': {
    owner: 'project',
    what: 'a picture as you gave it',
    why: 'to train, and to give you back exactly what you gave',
    dataClass: 'content',
    kept: 'as long as what is known of the picture',
    shownBy: ['GetImages', 'GetTaggedImages', 'GetUntaggedImages', 'GetImagesByIds'],
    deletedBy: ['DeleteImages', 'RemoveImages', 'ForgetImages', 'DeleteIteration'],
    hangsOn: 'images',
    size: 'bytes',
    has: 'always',
  },
  'image-thumbnail': {
    owner: 'project',
    what: 'a small copy of a picture',
    why: 'to show many pictures at once',
    dataClass: 'derived',
    kept: 'as long as what is known of the picture',
    shownBy: ['GetImages', 'GetTaggedImages', 'GetUntaggedImages', 'GetImagesByIds'],
    deletedBy: ['DeleteImages', 'RemoveImages', 'ForgetImages', 'DeleteIteration'],
    hangsOn: 'images',
    size: 'thumbnail_bytes',
    has: 'always',
  },
  model: {
    owner: 'project',
    what: 'what an iteration learned',
    why: 'to answer predictions',
    dataClass: 'derived',
    kept: 'until the iteration is deleted',
    shownBy: ['GetExports'],
    deletedBy: ['DeleteIteration'],
    hangsOn: 'iterations',
    named: 'model_id',
    size: 'model_bytes',
    has: { status: 'Completed' },
  },
  export: {
    owner: 'project',
    what: 'an exported model',
    why: 'to let you download the model',
    dataClass: 'derived',
    kept: 'as long as the record that it was exported',
    shownBy: ['GetExports'],
    deletedBy: ['DeleteExport', 'DeleteIteration', 'ForgetImages'],
    hangsOn: 'exports',
    size: 'bytes',
    has: { status: 'Done' },
  },
  'prediction-original': {
    owner: 'project',
    what: 'a picture you asked about',
    why: 'to let you look at it again, and train with it',
    dataClass: 'content',
    kept: 'as long as the prediction it was for',
    shownBy: ['QueryPredictions'],
    deletedBy: ['DeletePrediction'],
    hangsOn: 'predictions',
    size: 'bytes',
    has: 'always',
  },
  'prediction-thumbnail': {
    owner: 'project',
    what: 'a small copy of a picture you asked about',
    why: 'to show many pictures at once',
    dataClass: 'derived',
    kept: 'as long as the prediction it was for',
    shownBy: ['QueryPredictions'],
    deletedBy: ['DeletePrediction'],
    hangsOn: 'predictions',
    size: 'thumbnail_bytes',
    has: 'always',
  },
} as const satisfies { readonly [K in BlobKind]: BlobCustody };

/** The id of the blob of a kind that belongs to a row of the table it hangs on. */
export function blobIdOf(kind: BlobKind, row: Readonly<Record<string, unknown>>): string {
  const { named } = blobCustody[kind] as { readonly named?: string };
  return ((named === undefined ? undefined : row[named]) ?? row.id) as string;
}
