import { limits } from '../domain/limits.ts';
import { AccountDetails, AccountKey } from './account.ts';
import { AuditLog } from './audit.ts';
import { Backbone, BackboneUpdate } from './backbone.ts';
import { Connections } from './connections.ts';
import { Deletion, Forget, ForgetBegun, Forgetting, Forgettings } from './deletion.ts';
import { Inventory, Language, ProjectInventory } from './inventory.ts';
import { NamedKey, NamedKeyRequest, NamedKeys } from './named-keys.ts';
import type { Operation } from './operation.ts';
import { TrainingProgress } from './progress.ts';
import { AccountQuotas, QuotasUpdate } from './quotas.ts';
import {
  AccountDeleted,
  AccountDeletion,
  AccountPending,
  AccountRestored,
  Receipt,
  ReceiptKey,
  Receipts,
} from './receipt.ts';
import { Restore, Restores } from './restore.ts';
import { Retention, RetentionUpdate } from './retention.ts';
import { boolean, ids, int32, int53, optional, query, text } from './schema.ts';
import { Format, Takeout, TakeoutRequest, Takeouts } from './takeout.ts';
import {
  Removal,
  Trash,
  TrashDays,
  TrashDaysUpdate,
  TrashEmptied,
  TrashItem,
  TrashRestore,
  TrashRestored,
} from './trash.ts';

const project = '/projects/{projectId}';
const iteration = `${project}/iterations/{iterationId}`;
const exported = `${iteration}/exports/{exportId}`;

const imagesMeant = {
  imageIds: optional(ids(limits.imageIdsPerRequest)),
  allImages: optional(boolean({ default: false, description: 'All of the project, whatever the ids.' })),
  allIterations: optional(
    boolean({
      default: false,
      description: 'Out of every iteration as well, though their models have learned from them.',
    }),
  ),
  language: optional(Language),
};
const images = query(imagesMeant);
const predictionsMeant = { ids: ids(limits.predictionIdsPerRequest), language: optional(Language) };
const inWords = query({ language: optional(Language) });
const takeout = query({ format: optional(Format) });

/** What operations of a method share unless they say otherwise. */
const get = { api: 'ownsight', since: '1', method: 'GET', query: query({}), success: [200] } as const;
const now = optional(
  boolean({ default: false, description: 'Erase it at once, though the account keeps a trash to bring it back from.' }),
);
const remove = { api: 'ownsight', since: '1', method: 'DELETE', query: query({}), success: [204] } as const;
const discard = {
  api: 'ownsight',
  since: '1',
  method: 'DELETE',
  query: query({ now, language: optional(Language) }),
  reply: Removal,
  success: [200],
} as const;
const pending = '/account/deletion/{deletionId}';
const undo = query({ token: text({ 'x-problem': 'NotFound' }) });
const goes = 'It goes to the trash, or with `now`, or when the account keeps none, it is erased at once.';
const preview = { ...get, query: inWords, reply: Deletion } as const;

/**
 * Ownsight's own API: what Azure's lacks for seeing, taking away and erasing all that is held. Opened by a training
 * key.
 */
export const ownsightOperations = {
  GetData: {
    ...get,
    path: '/data',
    query: inWords,
    reply: Inventory,
    summary: 'Everything held for the account, by kind: what, how much, where, what for, how long, under which key.',
  },
  GetProjectData: {
    ...get,
    path: `${project}/data`,
    query: inWords,
    reply: ProjectInventory,
    summary: 'The same for one project.',
  },
  GetTakeout: {
    ...get,
    path: '/takeout',
    query: takeout,
    reply: 'file',
    summary:
      'Everything of the account as one archive, made while it is read. `Ownsight-Estimated-Bytes` tells about how long it gets; the trailer `Ownsight-Missing` how many files could not be read, which its MISSING.json lists.',
  },
  GetProjectTakeout: {
    ...get,
    path: `${project}/takeout`,
    query: takeout,
    reply: 'file',
    summary: 'The same of one project.',
  },
  BeginTakeout: {
    ...get,
    method: 'POST',
    path: '/takeouts',
    body: { kind: 'json', schema: TakeoutRequest, required: false },
    reply: Takeout,
    success: [201],
    summary:
      'Begin a takeout whose archive can be gone on with: its length is known, and its link answers `Range`, after a restart of the server too. No copy of anything is made.',
  },
  ListTakeouts: { ...get, path: '/takeouts', reply: Takeouts, summary: 'The takeouts that can be read, latest first.' },
  GetTakeoutProgress: {
    ...get,
    path: '/takeouts/{takeoutId}',
    reply: Takeout,
    summary: 'How far a takeout is, and how long it takes.',
  },
  CancelTakeout: {
    ...remove,
    path: '/takeouts/{takeoutId}',
    summary: 'End a takeout: its link is dead, and whoever reads it is cut off.',
  },
  ReadTakeout: {
    ...get,
    path: '/takeouts/{takeoutId}/archive',
    query: query({ token: text({ 'x-problem': 'NotFound' }) }),
    open: true,
    head: true,
    reply: 'file',
    success: [200, 206],
    summary:
      'The archive, or the part that `Range` asks for. The same bytes whenever they are asked for; 412 when that is not possible any more because the account changed.',
  },
  BeginRestore: {
    ...get,
    method: 'POST',
    path: '/restores',
    body: { kind: 'stream' },
    reply: Restore,
    success: [202],
    summary:
      'Put an archive of a takeout back into the account: the body is the zip or tar, of any length. All of it is checked before anything is written. What is there already is left as it is, so that sending it twice changes nothing.',
  },
  ListRestores: { ...get, path: '/restores', reply: Restores, summary: 'What was put back within a day, or is.' },
  GetRestore: { ...get, path: '/restores/{restoreId}', reply: Restore, summary: 'How far it is, or how it ended.' },
  CancelRestore: {
    ...remove,
    path: '/restores/{restoreId}',
    summary: 'End it: projects that are back stay, what is there of the next one is removed.',
  },
  GetAudit: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({ after: optional(int53({ 'x-problem': 'BadRequest', default: 0 })) }),
    success: [200],
    path: '/audit',
    reply: AuditLog,
    summary:
      'The log of what was done with the account, oldest first, 1000 entries at a time after the one numbered `after`.',
  },
  GetAccount: {
    ...get,
    path: '/account',
    query: query({
      secrets: optional(
        boolean({ default: false, description: 'The keys themselves as well; the log of the account tells of it.' }),
      ),
    }),
    reply: AccountDetails,
    summary: 'The account, and when each of its four keys was made.',
  },
  RotateKey: {
    api: 'ownsight',
    since: '1',
    method: 'POST',
    query: query({}),
    success: [200],
    path: '/account/keys/{purpose}/{slot}/rotation',
    reply: AccountKey,
    summary:
      'Replace one key (`training` or `prediction`, `primary` or `secondary`) and answer the new one. The old one is refused at once, the other of its pair goes on.',
  },
  ListKeys: {
    ...get,
    path: '/account/keys',
    query: query({
      secrets: optional(
        boolean({ default: false, description: 'The keys themselves as well; the log of the account tells of it.' }),
      ),
    }),
    reply: NamedKeys,
    summary: 'The keys with a role that were made beside the account’s four, oldest first.',
  },
  AddKey: {
    ...get,
    method: 'POST',
    path: '/account/keys',
    body: { kind: 'json', schema: NamedKeyRequest, required: true },
    reply: NamedKey,
    success: [201],
    summary:
      'Make another key, which opens what its role may do: `owner`, `trainer`, `deployment`, `labeler` or `reader`, until it expires or is revoked.',
  },
  RevokeKey: {
    ...remove,
    path: '/account/keys/{keyId}',
    summary: 'Take such a key away: it is refused at once.',
  },
  GetAccountQuotas: {
    ...get,
    path: '/account/quotas',
    reply: AccountQuotas,
    summary: 'The pricing tier whose limits the account is held to, if any; how much of each there may be, and is.',
  },
  UpdateAccountQuotas: {
    ...get,
    method: 'PATCH',
    path: '/account/quotas',
    body: { kind: 'json', schema: QuotasUpdate, required: true },
    reply: AccountQuotas,
    summary:
      'Hold the account to another tier, no looser than `OWNSIGHT_TIER` of the server. What it has beyond that stays.',
  },
  DeleteAccount: {
    api: 'ownsight',
    since: '1',
    method: 'POST',
    query: query({}),
    success: [202],
    path: '/account/deletion',
    body: { kind: 'json', schema: AccountDeletion, required: true },
    reply: AccountDeleted,
    summary:
      'Delete the account with everything it has. Its keys are dead when this answers. Until `undoDays` are over, the secret link `undoUrl` undoes it; then it is erased for good, and the other link leads to the receipt.',
  },
  ListReceipts: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({}),
    success: [200],
    path: '/receipts',
    reply: Receipts,
    summary: 'What was deleted, latest first, each with its signed receipt once it is gone for good.',
  },
  GetReceiptKey: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({}),
    success: [200],
    path: '/receipts/key',
    open: true,
    reply: ReceiptKey,
    summary: 'The public key that verifies receipts, as a JWK. Needs no key of an account.',
  },
  GetReceipt: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({}),
    success: [200],
    path: '/receipts/{receiptId}',
    reply: Receipt,
    summary: 'One of them.',
  },
  CollectReceipt: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({ token: text({ 'x-problem': 'NotFound' }) }),
    success: [200],
    path: '/receipts/{receiptId}/collect',
    open: true,
    reply: Receipt,
    summary: 'One receipt, for whoever has its link: the only way once the account and its keys are gone.',
  },
  GetTrainingProgress: {
    ...get,
    path: `${iteration}/progress`,
    query: inWords,
    reply: TrainingProgress,
    summary: 'How far a training is, or how it ended; also that of an iteration that is trained anew to forget images.',
  },
  WatchTrainingProgress: {
    ...get,
    path: `${iteration}/progress/events`,
    query: inWords,
    reply: 'events',
    summary:
      'The same whenever it changes, as Server-Sent Events called `progress`, each of them whole, until it has ended.',
  },
  CancelTraining: {
    ...remove,
    path: `${iteration}/progress`,
    summary:
      'Cancel a training, whether it waits or runs: the iteration is gone as if it had never been, but for a line in the log of the account.',
  },
  GetConnections: {
    ...get,
    path: `${project}/connections`,
    reply: Connections,
    summary:
      'Where exported models and messages of a project go, what messages are signed with, and whether they arrive.',
  },
  GetRetention: {
    api: 'ownsight',
    since: '1',
    method: 'GET',
    query: query({}),
    success: [200],
    path: `${project}/retention`,
    reply: Retention,
    summary: 'How long a project keeps stored predictions and exports.',
  },
  UpdateRetention: {
    api: 'ownsight',
    since: '1',
    method: 'PATCH',
    query: query({}),
    success: [200],
    path: `${project}/retention`,
    body: { kind: 'json', schema: RetentionUpdate, required: true },
    reply: Retention,
    summary: 'Change it, for what is stored already too: what is past its new time is removed at once.',
  },
  GetAccountBackbone: {
    ...get,
    path: '/account/backbone',
    reply: Backbone,
    summary: 'The network that projects learn on which choose none themselves, and those there are to choose from.',
  },
  UpdateAccountBackbone: {
    ...get,
    method: 'PATCH',
    path: '/account/backbone',
    body: { kind: 'json', schema: BackboneUpdate, required: true },
    reply: Backbone,
    summary: 'Choose another. What is trained already stays as it is.',
  },
  GetBackbone: {
    ...get,
    path: `${project}/backbone`,
    reply: Backbone,
    summary: 'The network that a project learns on, and which of its iterations lack theirs on this server.',
  },
  UpdateBackbone: {
    ...get,
    method: 'PATCH',
    path: `${project}/backbone`,
    body: { kind: 'json', schema: BackboneUpdate, required: true },
    reply: Backbone,
    summary: 'Choose another, or with null that of the account. What is trained already stays as it is.',
  },
  GetAccountDeletion: {
    ...preview,
    path: '/account/deletion',
    summary: 'What deleting the account would remove. Changes nothing, as all that begin so.',
  },
  GetProjectDeletion: {
    ...preview,
    path: `${project}/deletion`,
    summary: 'What deleting a project would remove.',
  },
  GetImagesDeletion: {
    ...preview,
    path: `${project}/images/deletion`,
    query: images,
    summary: 'What deleting images would remove, and which iterations learned from them.',
  },
  GetTagDeletion: {
    ...preview,
    path: `${project}/tags/{tagId}/deletion`,
    summary: 'What deleting a tag would remove, and which iterations learned it.',
  },
  GetIterationDeletion: {
    ...preview,
    path: `${iteration}/deletion`,
    summary: 'What deleting an iteration would remove.',
  },
  GetExportDeletion: {
    ...preview,
    path: `${exported}/deletion`,
    summary: 'What deleting an exported model would remove.',
  },
  GetPredictionsDeletion: {
    ...preview,
    path: `${project}/predictions/deletion`,
    query: query(predictionsMeant),
    summary: 'What deleting stored predictions would remove.',
  },
  RemoveProject: {
    ...discard,
    path: project,
    summary: `Delete a project, and tell what that removes. ${goes}`,
  },
  RemoveTag: {
    ...discard,
    path: `${project}/tags/{tagId}`,
    summary: `Delete a tag, and tell what that removes. ${goes}`,
  },
  RemoveIteration: {
    ...discard,
    path: iteration,
    summary: `Delete an iteration that is not published, and tell what that removes. ${goes}`,
  },
  RemoveImages: {
    ...discard,
    path: `${project}/images`,
    query: query({ ...imagesMeant, now }),
    summary: `Delete images, and tell what that removes and which iterations still hold them. ${goes}`,
  },
  RemovePredictions: {
    ...discard,
    path: `${project}/predictions`,
    query: query({ ...predictionsMeant, now }),
    summary: `Delete stored predictions, and tell what that removes. ${goes}`,
  },
  GetForgetting: {
    ...get,
    path: `${project}/images/forget`,
    query: query({ imageIds: ids(limits.imageIdsPerRequest), language: optional(Language) }),
    reply: Deletion,
    summary: 'What having every iteration forget images would remove, and which are trained anew. Changes nothing.',
  },
  ForgetImages: {
    api: 'ownsight',
    since: '1',
    method: 'POST',
    query: inWords,
    success: [202],
    path: `${project}/images/forget`,
    body: { kind: 'json', schema: Forget, required: true },
    reply: ForgetBegun,
    summary:
      'Delete images, and train every iteration that learned from them anew without them: same id, same published name, which answers all the while. Exports of it go with the old weights.',
  },
  ListForgetting: {
    ...get,
    path: `${project}/forgetting`,
    reply: Forgettings,
    summary: 'What iterations of a project are forgetting or have forgotten, latest first, and how far each is.',
  },
  CancelForgetting: {
    ...remove,
    path: `${project}/forgetting/{receiptId}`,
    reply: Forgetting,
    success: [200],
    summary:
      'Stop it: iterations that were not trained anew yet stay as they are, and still hold the images, which do not come back to the workspace.',
  },
  DeleteExport: {
    ...discard,
    path: exported,
    summary: `Delete an exported model: its links are dead at once. ${goes}`,
  },
  GetTrashDays: {
    ...get,
    path: '/account/trash',
    reply: TrashDays,
    summary: 'How many days what is deleted can be brought back: 7 unless the account says otherwise.',
  },
  UpdateTrashDays: {
    ...get,
    method: 'PATCH',
    path: '/account/trash',
    body: { kind: 'json', schema: TrashDaysUpdate, required: true },
    reply: TrashDays,
    summary: 'Change it, for what is deleted from now on.',
  },
  ListTrash: {
    ...get,
    path: '/trash',
    query: query({
      take: optional(
        int32({ minimum: 1, maximum: limits.take, default: limits.defaultTake, 'x-problem': 'BadRequest' }),
      ),
      skip: optional(int53({ default: 0, 'x-problem': 'BadRequest' })),
      language: optional(Language),
    }),
    reply: Trash,
    summary: 'What was deleted and can be brought back, latest first.',
  },
  EmptyTrash: {
    ...get,
    method: 'DELETE',
    path: '/trash',
    reply: TrashEmptied,
    success: [202],
    summary: 'Erase everything in the trash now.',
  },
  GetTrashItem: {
    ...get,
    path: '/trash/{trashId}',
    query: inWords,
    reply: TrashItem,
    summary: 'One deletion of the trash.',
  },
  EmptyTrashItem: {
    ...get,
    method: 'DELETE',
    path: '/trash/{trashId}',
    reply: TrashEmptied,
    success: [202],
    summary: 'Erase it now.',
  },
  RestoreTrashItem: {
    ...get,
    method: 'POST',
    path: '/trash/{trashId}/restore',
    body: { kind: 'json', schema: TrashRestore, required: false },
    reply: TrashRestored,
    summary:
      'Bring back what was deleted, as it was; of pictures some or all. When its name or place was taken meanwhile, nothing is changed, and the message says what to do.',
  },
  GetTrashThumbnail: {
    ...get,
    path: '/trash/{trashId}/thumbnails/{pictureId}',
    reply: 'file',
    summary: 'A small copy of a picture or stored prediction that is in the trash.',
  },
  GetPendingAccountDeletion: {
    ...get,
    path: pending,
    query: undo,
    open: true,
    reply: AccountPending,
    summary: 'The deletion of an account that can still be undone, for whoever has its link.',
  },
  UndoAccountDeletion: {
    ...get,
    method: 'POST',
    path: pending,
    query: undo,
    open: true,
    reply: AccountRestored,
    summary: 'Undo it: the account is as it was, and its keys are alive again.',
  },
} as const satisfies Record<string, Operation>;
