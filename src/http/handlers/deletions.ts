import type { Deletion as DeletionReply } from '../../contract/deletion.ts';
import { dateWithZone } from '../../contract/json.ts';
import type { Removal as RemovalReply } from '../../contract/trash.ts';
import { trasherOf } from '../../domain/trash.ts';
import type { App, ProjectScope } from '../../services/context.ts';
import {
  accountDeletion,
  type Deletion,
  exportDeletion,
  imageDeletion,
  iterationDeletion,
  predictionDeletion,
  projectDeletion,
  tagDeletion,
} from '../../services/deletions.ts';
import {
  cancelForgetting,
  type Forgetting,
  forgetImages,
  forgettingPreview,
  listForgetting,
} from '../../services/forgetting.ts';
import { languageFor } from '../../services/inventory.ts';
import { type Discarded, discard } from '../../services/trash.ts';
import type { Answer, Handlers } from '../handler.ts';

type Ids =
  | 'GetAccountDeletion'
  | 'GetProjectDeletion'
  | 'GetImagesDeletion'
  | 'GetTagDeletion'
  | 'GetIterationDeletion'
  | 'GetExportDeletion'
  | 'GetPredictionsDeletion'
  | 'GetForgetting'
  | 'ForgetImages'
  | 'ListForgetting'
  | 'CancelForgetting'
  | 'RemoveProject'
  | 'RemoveTag'
  | 'RemoveIteration'
  | 'RemoveImages'
  | 'RemovePredictions'
  | 'DeleteExport';

type Asking = { readonly query: { readonly language?: Language }; readonly languages: readonly string[] };
type Language = ReturnType<typeof languageFor>;

/** What a deletion would remove, before; and the deletion that tells it. */
export const deletionHandlers: Pick<Handlers, Ids> = {
  GetAccountDeletion: (call) => tell(call, (language) => accountDeletion(call.app, call.accountId, language)),
  GetProjectDeletion: (call) => tell(call, (language) => projectDeletion(call.app, call.scope, language)),
  GetImagesDeletion: (call) =>
    tell(call, (language) => imageDeletion(call.app, call.scope, imagesOf(call.query), language)),
  GetTagDeletion: (call) => tell(call, (language) => tagDeletion(call.app, call.scope, call.params.tagId, language)),
  GetIterationDeletion: (call) =>
    tell(call, (language) => iterationDeletion(call.app, call.scope, call.params.iterationId, language)),
  GetExportDeletion: (call) =>
    tell(call, (language) =>
      exportDeletion(call.app, call.scope, call.params.iterationId, call.params.exportId, language),
    ),
  GetPredictionsDeletion: (call) =>
    tell(call, (language) => predictionDeletion(call.app, call.scope, call.query.ids, language)),
  RemoveProject: (call) => remove(call, { kind: 'project' }),
  RemoveTag: (call) => remove(call, { kind: 'tag', tagId: call.params.tagId }),
  RemoveIteration: (call) => remove(call, { kind: 'iteration', iterationId: call.params.iterationId }),
  RemoveImages: (call) => remove(call, { kind: 'images', ...imagesOf(call.query) }),
  RemovePredictions: (call) => remove(call, { kind: 'predictions', ids: call.query.ids }),
  DeleteExport: (call) =>
    remove(call, { kind: 'export', iterationId: call.params.iterationId, exportId: call.params.exportId }),
  GetForgetting: (call) =>
    tell(call, (language) => forgettingPreview(call.app, call.scope, call.query.imageIds, language)),
  async ForgetImages({ app, scope, query, languages, body: { imageIds, remakeExports = false } }) {
    const language = query.language ?? languageFor(languages);
    const begun = await forgetImages(app, scope, { imageIds, remakeExports }, language);
    return { body: { receiptId: begun.receiptId, deletion: deletionReply(begun.deletion, language) } };
  },
  async ListForgetting({ app, scope }) {
    return { body: (await listForgetting(app, scope)).map(fromForgetting) };
  },
  async CancelForgetting({ app, scope, params }) {
    return { body: fromForgetting(await cancelForgetting(app, scope, params.receiptId)) };
  },
};

const fromForgetting = (one: Forgetting) => ({
  ...one,
  asked: dateWithZone(one.asked),
  finished: one.finished === null ? null : dateWithZone(one.finished),
});

const imagesOf = (query: { imageIds?: string[]; allImages?: boolean; allIterations?: boolean }) => ({
  imageIds: query.imageIds,
  allImages: query.allImages ?? false,
  allIterations: query.allIterations ?? false,
});

type Removing = Asking & {
  readonly app: App;
  readonly scope: ProjectScope;
  readonly key: string;
  readonly query: { readonly now?: boolean };
};

async function remove(call: Removing, what: Discarded): Promise<Answer<RemovalReply>> {
  const language = call.query.language ?? languageFor(call.languages);
  const by = trasherOf(call.key);
  const removal = await discard(call.app, call.scope, what, { now: call.query.now ?? false, by, language });
  const { trash, receiptId } = removal;
  return {
    body: {
      ...deletionReply(removal, language),
      trash: trash === null ? null : { id: trash.id, due: dateWithZone(trash.due) },
      receiptId,
    },
  };
}

async function tell(
  { query, languages }: Asking,
  look: (language: Language) => Promise<Deletion>,
): Promise<Answer<DeletionReply>> {
  const language = query.language ?? languageFor(languages);
  return { body: deletionReply(await look(language), language) };
}

function deletionReply(found: Deletion, language: Language): DeletionReply {
  const keeping = found.learnedFrom.filter((one) => one.keeps).map((one) => one.name);
  const { kinds, total, publishNames, defaultIterations, exports, learnedFrom } = found;
  return {
    kinds,
    total,
    publishNames,
    defaultIterations,
    learnedFrom,
    exports: exports.map((one) => ({
      ...one,
      created: dateWithZone(one.created),
      lastDownloaded: one.lastDownloaded === null ? null : dateWithZone(one.lastDownloaded),
    })),
    message: keeping.length === 0 ? '' : `${stillHeldBy[language]} ${keeping.join(', ')}.`,
  };
}

const stillHeldBy: Readonly<Record<Language, string>> = {
  en: 'Still held by:',
  'pt-BR': 'Ainda guardado por:',
  it: 'Ancora conservato da:',
};
