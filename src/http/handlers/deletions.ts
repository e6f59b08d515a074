import type { Deletion as DeletionReply } from '../../contract/deletion.ts';
import { dateWithZone } from '../../contract/json.ts';
import {
  accountDeletion,
  type Deletion,
  deleteImagesTelling,
  exportDeletion,
  imageDeletion,
  iterationDeletion,
  predictionDeletion,
  projectDeletion,
  tagDeletion,
} from '../../services/deletions.ts';
import { languageFor } from '../../services/inventory.ts';
import type { Answer, Handlers } from '../handler.ts';

type Ids =
  | 'GetAccountDeletion'
  | 'GetProjectDeletion'
  | 'GetImagesDeletion'
  | 'GetTagDeletion'
  | 'GetIterationDeletion'
  | 'GetExportDeletion'
  | 'GetPredictionsDeletion'
  | 'RemoveImages';

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
  RemoveImages: (call) =>
    tell(call, (language) => deleteImagesTelling(call.app, call.scope, imagesOf(call.query), language)),
};

const imagesOf = (query: { imageIds?: string[]; allImages?: boolean; allIterations?: boolean }) => ({
  imageIds: query.imageIds,
  allImages: query.allImages ?? false,
  allIterations: query.allIterations ?? false,
});

async function tell(
  { query, languages }: Asking,
  look: (language: Language) => Promise<Deletion>,
): Promise<Answer<DeletionReply>> {
  const language = query.language ?? languageFor(languages);
  const found = await look(language);
  const keeping = found.learnedFrom.filter((one) => one.keeps).map((one) => one.name);
  return {
    body: {
      ...found,
      exports: found.exports.map((one) => ({
        ...one,
        created: dateWithZone(one.created),
        lastDownloaded: one.lastDownloaded === null ? null : dateWithZone(one.lastDownloaded),
      })),
      message: keeping.length === 0 ? '' : `${stillHeldBy[language]} ${keeping.join(', ')}.`,
    },
  };
}

const stillHeldBy: Readonly<Record<Language, string>> = {
  en: 'Still held by:',
  'pt-BR': 'Ainda guardado por:',
  it: 'Ancora conservato da:',
};
