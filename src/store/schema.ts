import type { Micros } from '../base/clock.ts';
import type { ErasureKind } from '../domain/receipt.ts';
import type { Role } from '../domain/role.ts';
import type { Tier } from '../domain/tier.ts';
import type { Trasher } from '../domain/trash.ts';

/** Ciphertext of what a user gave (see `keys.ts`); its `kind` is `<table>.<column>`, its `id` the row's. */
export type Sealed = Buffer;
/** 0 or 1: SQLite has no boolean, and PostgreSQL takes integers as well. */
export type Flag = 0 | 1;

/** Every table. `keyof Tables` is the list that `custody.ts` must cover. */
export interface Tables {
  accounts: AccountRow;
  api_keys: ApiKeyRow;
  named_keys: NamedKeyRow;
  monthly_predictions: MonthlyPredictionsRow;
  projects: ProjectRow;
  tags: TagRow;
  images: ImageRow;
  image_features: ImageFeaturesRow;
  image_tags: ImageTagRow;
  regions: RegionRow;
  iterations: IterationRow;
  iteration_tags: IterationTagRow;
  iteration_images: IterationImageRow;
  predictions: PredictionRow;
  suggestions: SuggestionRow;
  exports: ExportRow;
  retention: RetentionRow;
  trash_days: TrashDaysRow;
  trash: TrashRow;
  trash_rows: TrashedRow;
  audit: AuditRow;
  audit_heads: AuditHeadRow;
  takeouts: TakeoutRow;
  takeout_entries: TakeoutEntriesRow;
  restores: RestoreRow;
  erasures: ErasureRow;
  jobs: JobRow;
  loose_blobs: LooseBlobRow;
  erased: ErasedRow;
  backups: BackupRow;
  holdings: HoldingRow;
  image_lists: ListedImageRow;
  image_list_blocks: ListBlockRow;
  tag_sets: TagSetRow;
}

/** An account. */
export interface AccountRow {
  id: string;
  /** Sealed under the account key. */
  user_name: Sealed;
  email: Sealed | null;
  tier: Tier;
  /** Name of the backbone its projects learn on that say nothing else; `null`: the built-in one. */
  backbone: string | null;
  created: Micros;
  /** Set: invisible and waiting for its purge. */
  deleted: Micros | null;
}

/** One of an account's four keys. */
export interface ApiKeyRow {
  id: string;
  account_id: string;
  purpose: 'training' | 'prediction';
  slot: 'primary' | 'secondary';
  /** `keys.lookup(undefined, 'api-key', secret)`; unique. */
  lookup: string;
  /** Sealed under the account key: keys can be viewed again (GetAccountInfo). */
  secret: Sealed;
  created: Micros;
}

/** A further key of an account, for what its role may do. */
export interface NamedKeyRow {
  id: string;
  account_id: string;
  name: Sealed;
  /** `keys.lookup({accountId}, 'key-name', name lower-cased)`; unique among the account's. */
  name_lookup: string;
  role: Role;
  /** `keys.lookup(undefined, 'api-key', secret)`; unique. */
  lookup: string;
  /** Sealed under the account key: keys can be viewed again. */
  secret: Sealed;
  created: Micros;
  /** From this moment on it opens nothing; `null`: until it is revoked. */
  expires: Micros | null;
}

/** How many predictions an account has made in a month; only where its tier bounds them. */
export interface MonthlyPredictionsRow {
  account_id: string;
  /** UTC, as 2026-11. */
  month: string;
  count: number;
}

/** A project. */
export interface ProjectRow {
  id: string;
  account_id: string;
  name: Sealed;
  /** `keys.lookup({accountId}, 'project-name', name lower-cased)`; unique among the account's living projects. */
  name_lookup: string;
  description: Sealed;
  domain_id: string;
  /** `null` for object detection. */
  classification_type: 'Multiclass' | 'Multilabel' | null;
  /** JSON array of platform names. */
  target_export_platforms: string;
  /** The methods of image processing that are not wanted, comma separated; `null`: all are. */
  augmentation_off: string | null;
  /** Where its exported models are put, and its messages are sent; they may hold secrets. `null`: nowhere. */
  export_container: Sealed | null;
  notification_queue: Sealed | null;
  /** Name of the backbone it learns on; `null`: the account's. */
  backbone: string | null;
  created: Micros;
  modified: Micros;
  /** How many iterations there ever were: the next one is called `Iteration <n + 1>`. */
  iteration_count: number;
  deleted: Micros | null;
  /** One that is not `Succeeded` has no content that counts: what an import has brought so far, or nothing. */
  status: 'Succeeded' | 'Importing' | 'Failed';
  /** What leads to the project that is imported; `null` unless `Importing`. */
  import_token: Sealed | null;
}

/** A tag, of the workspace or kept by an iteration. */
export interface TagRow {
  id: string;
  project_id: string;
  name: Sealed;
  /** `keys.lookup({accountId, projectId}, 'tag-name', name)`; unique among the workspace's tags. */
  name_lookup: string;
  description: Sealed | null;
  type: 'Regular' | 'Negative' | 'GeneralProduct';
  created: Micros;
  /** 0: deleted from the workspace, kept only because an iteration learned it. */
  workspace: Flag;
}

/** A training picture, of the workspace or kept by an iteration; its bytes are blobs. */
export interface ImageRow {
  id: string;
  project_id: string;
  created: Micros;
  /** Pixels of the picture as it is shown (after its EXIF orientation). */
  width: number;
  height: number;
  format: string;
  /** Of the original, in the clear. */
  bytes: number;
  thumbnail_bytes: number;
  /** `keys.lookup(project, 'image-digest', SHA-256 of the original)`: finds duplicates inside a project, tells nothing outside. */
  digest: string;
  /** JSON object of strings. */
  metadata: Sealed | null;
  /** A mark for each pair of it, as `store/metadata.ts` makes them; `null` without metadata, and until somebody filters where it is from an older version. */
  metadata_lookup: string | null;
  /** 0: deleted from the workspace, kept only because an iteration learned from it. */
  workspace: Flag;
  /** 0 its features wait to be computed, 1 its row in `image_features` is there. */
  features: Flag;
}

/** What training sees of an image. A row rather than a file: a few kilobytes each, written many at a time. */
export interface ImageFeaturesRow {
  image_id: string;
  project_id: string;
  /** The fingerprint of the backbone that computed them. */
  recipe: string;
  /** float32 [d], little-endian. */
  features: Sealed;
}

/** A tag on an image of the workspace. */
export interface ImageTagRow {
  image_id: string;
  tag_id: string;
  project_id: string;
  created: Micros;
}

/** A tagged rectangle of an image of the workspace. */
export interface RegionRow {
  id: string;
  project_id: string;
  image_id: string;
  tag_id: string;
  /** JSON [left, top, width, height], each 0..1. */
  box: Sealed;
  created: Micros;
}

/** One training of a project and its outcome. */
export interface IterationRow {
  id: string;
  project_id: string;
  name: Sealed;
  name_lookup: string;
  /** `Imported`: trained elsewhere; what was told of it is here, its model is not. */
  status: 'Training' | 'Completed' | 'Failed' | 'Imported';
  created: Micros;
  modified: Micros;
  trained_at: Micros | null;
  /** The project's settings when the training was asked for. */
  domain_id: string;
  classification_type: 'Multiclass' | 'Multilabel' | null;
  training_type: 'Regular' | 'Advanced';
  reserved_budget_hours: number;
  training_minutes: number;
  /** Of the model, in the clear; 0 until trained. */
  model_bytes: number;
  /** The blob that holds the model; `null`: the one of the iteration's own id. Another one for each time it was trained anew. */
  model_id: string | null;
  /** `Waiting`: it is being trained anew without the images it is to forget, and answers as before meanwhile. */
  rebuild: 'Waiting' | 'Failed' | null;
  /** Whether its exports are to be made again once it was trained anew. */
  remake_exports: Flag;
  /** The backbone it learned on: `referenceTo` of `vision/backbone/installed.ts`; `null`: the built-in one. */
  backbone: string | null;
  /** The iteration that its training named as its base, which may be gone since. */
  base_project_id: string | null;
  base_iteration_id: string | null;
  /** `keys.lookup(project, 'training-set', …)` over settings, images and their tags: equal means nothing changed. */
  training_set: string;
  publish_name: Sealed | null;
  /** `keys.lookup(project, 'publish-name', name lower-cased)`; unique in the project. */
  publish_lookup: string | null;
  publish_resource: Sealed | null;
  /** Whether it answers predictions that name no iteration; one of the project's at most. */
  is_default: Flag;
  /** Why training failed, in words. */
  error: Sealed | null;
  /** JSON `ImportedIteration`, of an imported one once all of it is here. */
  imported: Sealed | null;
}

/** The tags an iteration learned, in the order of its outputs. */
export interface IterationTagRow {
  iteration_id: string;
  tag_id: string;
  project_id: string;
  position: number;
  image_count: number;
}

/** The images an iteration learned from, each with its held-out result. */
export interface IterationImageRow {
  iteration_id: string;
  image_id: string;
  project_id: string;
  /** JSON array of tag ids, as they were when training began; of a detector those of `regions`. */
  tag_ids: string;
  /** What a detector learns from: JSON as `store/learned-regions.ts` has it; `id` = `<iteration>/<image>`. `null` where nothing is marked, and for classifiers. */
  regions: Sealed | null;
  /** Which of the five folds held it out, 0..4. Of a detector 0: it holds out those that have `scores`. */
  fold: number;
  /**
   * Float32 little-endian; `id` = `<iteration>/<image>`. Probabilities in tag order, from the fold that did not see it;
   * of a detector that did not see it what it found, as `encodeFound`. `null` until trained, for images without tags,
   * and for those that a detector did see.
   */
  scores: Sealed | null;
  /** 1: the iteration is to forget it, and its model still knows it. */
  forgetting: Flag;
}

/** A picture that was asked about, and the answer. */
export interface PredictionRow {
  id: string;
  project_id: string;
  iteration_id: string;
  created: Micros;
  application: Sealed | null;
  /** JSON [{tagId, probability, box?}]. */
  results: Sealed;
  /** `doubtOf` the results. */
  doubt: number;
  width: number;
  height: number;
  format: string;
  /** Of the original, in the clear. */
  bytes: number;
  thumbnail_bytes: number;
}

/** A model in a file of some platform. */
export interface ExportRow {
  id: string;
  project_id: string;
  iteration_id: string;
  platform: string;
  flavor: string | null;
  status: 'Exporting' | 'Failed' | 'Done';
  created: Micros;
  modified: Micros;
  bytes: number;
  /** How often its file was downloaded, and when last. */
  downloads: number;
  downloaded: Micros | null;
}

/** How long a project keeps what is made while it is used; without a row the defaults of `domain/retention.ts` hold. */
export interface RetentionRow {
  project_id: string;
  /** 0: none is kept. */
  predictions_days: number;
  /** `null`: until they are deleted. */
  exports_days: number | null;
}

/** How many days an account can bring back what it deleted; without a row the default of `domain/trash.ts` holds. */
export interface TrashDaysRow {
  account_id: string;
  /** 0: not at all. */
  days: number;
}

/**
 * One deletion that can be undone until it is due. A project or account has nothing but this row: its own row is
 * `deleted`. What else was deleted is in `trash_rows`.
 */
export interface TrashRow {
  /** The id of the receipt, once it is erased. */
  id: string;
  account_id: string;
  /** `null`: the account itself. */
  project_id: string | null;
  kind: ErasureKind;
  trashed_by: Trasher;
  trashed: Micros;
  due: Micros;
}

/**
 * A row that was moved out of its table into the trash; or, of images and tags, that this one is in the trash: its row
 * stays in its table with `workspace = 0`, and its files stay too.
 */
export interface TrashedRow {
  /** The table it is of. */
  kind: string;
  /** Its key there, joined by `/`. */
  row_id: string;
  item_id: string;
  project_id: string;
  /** JSON object of its columns, ciphertext in hexadecimal; `{}` for images and tags. */
  row: string;
  /** 1: the image or tag it names is not removed for good while this row is here. */
  keeps: Flag;
  /** Whom it refers to, where it does. */
  image_id: string | null;
  tag_id: string | null;
  iteration_id: string | null;
}

/** An entry of an account's log: what was done, when, to what. Each is linked to the one before by its hash. */
export interface AuditRow {
  id: string;
  account_id: string;
  /** 1, 2, 3 … for each account. */
  number: number;
  created: Micros;
  /** One of `domain/audit.ts`. */
  action: string;
  project_id: string | null;
  subject_id: string | null;
  /** JSON object of counts, words and ids. */
  detail: Sealed | null;
  /** The hash of the entry before; 64 zeros for the first. */
  previous: string;
  /** SHA-256 over all of the above, the detail as ciphertext: `hashOf` of `domain/audit.ts`. */
  hash: string;
}

/** Where an account's log ends. */
export interface AuditHeadRow {
  account_id: string;
  /** JSON {entries, hash}. Sealed, so that who can write the database only cannot cut the log's end off. */
  head: Sealed;
}

/** What an iteration suggests for an image without tags. */
export interface SuggestionRow {
  iteration_id: string;
  image_id: string;
  project_id: string;
  created: Micros;
  /** As of a prediction. Its id is `<iteration>/<image>`. */
  results: Sealed;
  doubt: number;
}

/** An archive that is being taken out and can be gone on with; nothing of its content is kept but hashes and sizes. */
export interface TakeoutRow {
  id: string;
  account_id: string;
  /** `null`: the whole account. */
  project_id: string | null;
  /** `zip` or `tar`. */
  format: string;
  /** The moment the archive is dated by. */
  created: Micros;
  /** What was made after this moment is not in it. */
  until: Micros;
  /** When it was read last: it ends a day later. */
  used: Micros;
  /** JSON {entries, hash}: the account's log is in it up to here. */
  log: string;
  /** How many bytes the archive has. */
  bytes: number;
  /** How far the last client that read it has come, bytes. */
  sent: number;
  /** How many files could not be read, so far. */
  missing: number;
  /** `Changed`: what was sent cannot be made again, so that it cannot be gone on with. */
  state: 'Open' | 'Changed';
}

/** Some of the entries that were sent of a takeout. */
export interface TakeoutEntriesRow {
  takeout_id: string;
  /** 0, 1, 2 … for each takeout. */
  number: number;
  account_id: string;
  /** For each entry a hash of its name, its sizes, its hashes, and where it ends; `id` = `<takeout>/<number>`. */
  entries: Sealed;
}

/** An archive that was put back, or is. */
export interface RestoreRow {
  id: string;
  account_id: string;
  /** The project that is written now: no start and no purge may take it for something left behind. */
  project_id: string | null;
  /** Whether the server does it, whose start ends it; or a command, which may outlive a start. */
  holder: 'server' | 'command';
  state: 'Checking' | 'Restoring' | 'Done' | 'Failed' | 'Cancelled';
  created: Micros;
  /** One under way says again and again that it is, and how long that holds; for one that ended: when. */
  lease: Micros;
  /** JSON: what was put back; why it failed, which may name an entry. */
  result: Sealed | null;
}

/** Something that was deleted and its removal for good, by ids and numbers; when that is finished, the receipt. */
export interface ErasureRow {
  /** The receipt's id. */
  id: string;
  account_id: string;
  /** `null`: the account itself. */
  project_id: string | null;
  kind: ErasureKind;
  /** JSON array of the ids named in the request. */
  subjects: string;
  /** JSON object of numbers; `null` until the project or account was counted. */
  counts: string | null;
  /** JSON object of numbers. */
  kept: string;
  /** JSON array of ids. */
  keys_destroyed: string;
  /** JSON array of the iterations that were to be trained anew first; `null` when nothing was to be forgotten. */
  rebuilds: string | null;
  /** Those of them that were. */
  rebuilt: string;
  /** JSON {entries, hash}: where the log of a deleted account ended. */
  audit: string | null;
  asked: Micros;
  invisible: Micros;
  finished: Micros | null;
  /** A JWS over the above. */
  receipt: string | null;
}

/** Waiting and running work. Payloads hold ids only. */
export interface JobRow {
  id: string;
  account_id: string;
  project_id: string | null;
  name: string;
  payload: string;
  /** Jobs that are done or cancelled have no row. */
  state: 'waiting' | 'running' | 'failed';
  /** At most one waiting job per key (e.g. `features/<project>`); `null` = no such bound. */
  once: string | null;
  attempts: number;
  run_at: Micros;
  lease_until: Micros | null;
  lease_holder: string | null;
  cancel_requested: Flag;
  /** 0..1 */
  progress: number;
  /** An error code, never a message. */
  error: string | null;
  created: Micros;
  modified: Micros;
}

/** What was erased and does not stand in the list beside the keys yet; and the last entry that does. */
export interface ErasedRow {
  /** Its number in the list. */
  seq: number;
  /** A table; `hidden <table>`: it left the workspace; `models`: an iteration was trained anew. In row 1 `began`, then `listed`. */
  kind: string;
  /** In row 1 the list's id. */
  row_id: string;
}

/** A copy of the data that may be somewhere, until its maker says that it is thrown away. */
export interface BackupRow {
  id: string;
  made: Micros;
  /** When it is to be thrown away. */
  until: Micros;
}

/**
 * Blobs no row refers to: announced before an upload writes them, or left behind by a deletion. The sweep removes each
 * after `sweep_after`. So at every moment each blob is either referenced by a row or listed here, whatever crashed when.
 */
export interface LooseBlobRow {
  key: string;
  project_id: string;
  sweep_after: Micros;
}

/** How many rows or blobs of one kind a project or account has. Kept by triggers: see `holdings.ts`. */
export interface HoldingRow {
  /** The project's id; the account's for what belongs to no project. */
  scope_id: string;
  account_id: string;
  /** A table or a kind of blob. */
  kind: string;
  count: number;
  /** As they lie there, ciphertext and all. */
  bytes: number;
  /** How many of them are deleted, but kept by iterations or not yet purged. */
  deleted: number;
}

/** That an image is in a list. Kept by triggers: see `lists.ts`. */
export interface ListedImageRow {
  /** `<project or iteration>/<all, tagged, untagged or a tag's id>`. */
  list: string;
  /** When the image was. */
  created: Micros;
  image_id: string;
}

/** How many images of a list were made from `start` on, before the list's next block. Kept by triggers: see `lists.ts`. */
export interface ListBlockRow {
  list: string;
  start: Micros;
  count: number;
}

/** How many images carry exactly these tags. Kept by triggers: see `lists.ts`. */
export interface TagSetRow {
  /** The project, for its workspace; or an iteration. */
  owner_id: string;
  /** JSON array of tag ids; `[]`: of those without any. */
  tag_ids: string;
  images: number;
  /** Of those, the ones that the iteration has a held-out result of; 0 for a workspace. */
  judged: number;
}
