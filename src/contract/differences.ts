import type { OperationId } from './operation.ts';
import type { ownsightOperations } from './ownsight.ts';

/** An operation of Azure's. */
export type AzureOperation = Exclude<OperationId, keyof typeof ownsightOperations>;

const upload =
  'WebP and TIFF are taken, too, and pictures of any size up to 10,240 pixels a side and of any proportions. A picture is known again by its bytes (`OKDuplicate`), and gains the tags, regions and metadata that were sent. Of one that was not taken there is no `image` in the answer.';
const addresses = `${upload} Addresses in private networks are \`ErrorSource\`, unless \`OWNSIGHT_ALLOW_NETWORKS\` names them.`;
const address =
  'An address in a private network is refused with `BadRequestImageUrl`, unless `OWNSIGHT_ALLOW_NETWORKS` names it.';
const stored =
  'The picture is kept for 30 days, or as long as the project says (`/ownsight/v1/`), which may be not at all.';
const detection =
  'Boxes of the same thing are reduced to one before the answer, which has the most probable first; Azure answered overlapping ones, too.';
const immediate =
  'What is deleted is gone at once and for good; a signed receipt tells of it (`/ownsight/v1/receipts`).';
const withheld = 'Figures come from models that had not seen the picture. Both thresholds are 0.5 unless given.';
const workspace = 'The workspace is listed last, as `New`: see below.';
const quotas =
  'Without a tier (`Unlimited`) totals are 2,147,483,647. `Used` predictions are the stored ones then, and those of the month where a tier bounds them.';
const fromPredictions = 'The prediction is deleted, its picture being an image now.';
const filter =
  "In `$filter` there are `eq`, `ne`, `and`, `or` and parentheses: of Azure's language nothing more was published.";
const exported =
  'Models are exported as ONNX, plain or as `OnnxFloat16`: other platforms are refused with `BadRequestExportValidationFailed`. An export that failed can be asked for again.';
const sameDomains =
  'Domains differ in nothing but whether models can be exported: all learn on the backbone of the project.';
const domainsHere = `${sameDomains} \`exportablePlatforms\` names ONNX only.`;

/**
 * What each operation does other than Azure's, beside what holds for all; `null`: nothing that is known of. Total, so that
 * nobody adds an operation without saying so.
 */
export const differences: Readonly<Record<AzureOperation, string | null>> = {
  GetAccountInfo: quotas,
  GetQuota:
    'Azure never published it (a draft of v3.4-preview, also at `v3.4-preview.1`). Without a tier the total is 2,147,483,647.',
  GetDomains: domainsHere,
  GetDomain: domainsHere,
  GetClassifierDomains: 'Only domains of classifiers: see below.',

  CreateProject: `${sameDomains} \`exportModelContainerUri\` and \`notificationQueueUri\` take more than Azure's storage, and of that only addresses with a signature: see integrations.md.`,
  GetProjects: null,
  GetProject: null,
  UpdateProject:
    'What is absent stays, `description` and `settings` too, although they are published as required: that is how Azure was recorded.',
  DeleteProject: immediate,
  ExportProject: "The token leads to this server, not to Azure's storage: see below.",
  ImportProject: 'Tokens of Azure are refused: see below.',

  CreateTag: null,
  GetTags: null,
  GetTagList: null,
  GetTag: null,
  UpdateTag: 'What is absent stays, although all is published as required.',
  DeleteTag: immediate,

  CreateImagesFromData: upload,
  CreateImagesFromFiles: upload,
  CreateImagesFromUrls: addresses,
  CreateImagesFromPredictions: fromPredictions,
  AddImagesFromData: upload,
  AddImagesFromUrls: addresses,
  AddImagesFromPredictions: fromPredictions,
  GetImages: filter,
  GetImageCount: filter,
  GetTaggedImages: null,
  GetTaggedImageCount: null,
  GetUntaggedImages: null,
  GetUntaggedImageCount: null,
  GetImagesByIds: `The order is that of the ids; those that nothing has are left out.`,
  GetJudgedImages: null,
  GetAllTaggedImages: null,
  UpdateImageMetadata: null,
  DeleteImages: `Without \`imageIds\` and \`allImages\` it is refused. ${immediate}`,
  CreateImageTags: null,
  PostImageTags: null,
  DeleteImageTags: null,
  PostImageLabel: 'A label has the id of its tag: see below.',
  DeleteImageLabel: null,
  CreateImageRegions: null,
  DeleteImageRegions: null,
  GetImageRegionProposals:
    'What the newest detector of the project finds; before there is one, what stands out by its colour. Classification projects are refused.',
  GetArtifact: "Paths are those of this server's own links, which may be given whole, too.",

  TrainProject:
    '`notificationEmailAddress` is checked and dropped: no mail is sent, and no address kept. Advanced training needs `reservedBudgetInHours` of 1 or more, and costs nothing. Of the iteration in `customBaseModelInfo` the network is taken that it began from, not what it learned: see below.',
  GetIterations: null,
  GetIterationsAndWorkspace: workspace,
  GetIteration: null,
  UpdateIteration: null,
  DeleteIteration: `${immediate} A training that is at work ends.`,
  PublishIteration: '`predictionId` is kept and given back; it may be any text, since there is one place to predict.',
  UnpublishIteration: null,
  GetIterationPerformance: withheld,
  GetImagePerformances: withheld,
  GetImagePerformanceCount: null,
  ExportIteration: exported,
  GetExports: `${exported} \`newerVersionAvailable\` is always false.`,

  QuickTestImage: 'Without `iterationId`: the default iteration, or else the newest trained one.',
  QuickTestImageUrl: `Without \`iterationId\`: the default iteration, or else the newest trained one. ${address}`,
  SuggestTagsAndRegions: null,
  QuerySuggestedImages: null,
  QuerySuggestedImageCount: null,
  QueryPredictions: `A page has 128 at most, and as many unless told. A \`continuation\` of another query is refused.`,
  QueryPredictionResults: `A page has 128 at most.`,
  GetPredictionResults: `A page has 128 at most.`,
  GetNextPredictionResults: null,
  DeletePrediction: immediate,

  PredictImage: stored,
  PredictImageWithNoStore: null,
  PredictImageUrl: `${stored} ${address}`,
  PredictImageUrlWithNoStore: address,
  ClassifyImage: stored,
  ClassifyImageWithNoStore: null,
  ClassifyImageUrl: `${stored} ${address}`,
  ClassifyImageUrlWithNoStore: address,
  DetectImage: `${detection} ${stored}`,
  DetectImageWithNoStore: detection,
  DetectImageUrl: `${detection} ${stored} ${address}`,
  DetectImageUrlWithNoStore: `${detection} ${address}`,
};

/** What Azure had and is not here at all, and why. */
export const absent: readonly (readonly [what: string, why: string])[] = [
  [
    'Export as CoreML, TensorFlow, TensorFlow Lite, TensorFlow.js, DockerFile or OpenVino',
    'Only ONNX is written so far.',
  ],
  [
    'Export for VAIDK',
    'It was for one camera, and what such a file has in it was published nowhere: nothing honest could be written.',
  ],
  [
    'E-mail when a training has ended',
    'The server sends no mail: `notificationQueueUri` and `/ownsight/v1/…/progress` tell of it.',
  ],
  [
    'Domains with networks of their own (Food, Landmarks, Retail, Logo, …)',
    "Their networks are Azure's. All domains learn on one backbone, which can be chosen (`ownsight models`).",
  ],
  [
    'Microsoft Entra sign-in',
    "There is no directory here: keys open an account, and can have Azure's roles (see below).",
  ],
  [
    'Two resources, one to train and one to predict, in regions',
    'One server does both; `predictionId` may be any text.',
  ],
  [
    'XML answers (`application/xml`)',
    'Published as a media type of some versions, and answered by none of the recordings: JSON is.',
  ],
];
