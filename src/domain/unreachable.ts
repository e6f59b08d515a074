import type { ProblemCode } from './problems.ts';

/** Codes that this server answers and Azure's list lacks, and why. */
export const ownCodes = {
  Unauthorized:
    "The gateway before Azure's service answers 401 in a form of its own; this is its body and the usual one in one.",
  MethodNotAllowed: 'The address exists, with another method.',
  PayloadTooLarge: 'The body is larger than any operation takes.',
  PreconditionFailed: "Of Ownsight's own API: the account changed since a download was begun.",
  RangeNotSatisfiable: "Of Ownsight's own API: the file has no such part.",
  TooManyRequests: 'An account that is held to a tier asked too often: `Retry-After` says how long to wait.',
  ErrorStorageFull: "The disk is one's own, and can be full. Nothing was stored.",
} as const satisfies { readonly [C in ProblemCode]?: string };
/** A code that Azure's list lacks. */
export type OwnCode = keyof typeof ownCodes;

const noneHere =
  "There are no subscriptions, sign-ups and users of Microsoft's here: an account is made by whoever runs the server.";
const noFeaturizer =
  'Features are computed within the server, in the background: what fails is tried again, and the request is not refused.';
const inTheExport = 'An export that fails has the status `Failed`, and can be asked for again.';
const inTheTraining = 'A training that fails has the status `Failed`, and `trainingErrorDetails` says why.';
const predictsItself = 'The server predicts itself: what fails inside is `ErrorUnknown`.';

/**
 * Codes of Azure's catalogue (CustomVisionErrorCodes of Training 3.4-preview) that this server never answers, and why.
 * Together with `problems` they are the whole catalogue.
 */
export const unreachable = {
  NoError: 'It says that nothing is wrong: no refusal has it.',
  BadRequestProjectDuplicated: 'What it would be about has `BadRequestProjectNameNotUnique`.',
  BadRequestIterationDescription: 'No version lets an iteration have a description.',
  BadRequestUnsupportedDomain: 'Every domain that is listed can be used; others are `BadRequestProjectUnknownDomain`.',
  BadRequestUnpublishFailed: 'What is published is a name within the project: taking it back cannot fail halfway.',
  BadRequestSubscriptionApi: noneHere,
  BadRequestCannotMigrateProjectWithName: noneHere,
  BadRequestNotLimitedTrial: noneHere,
  BadRequestExceedTagPerImageLimit:
    'Images come in batches: one with too many tags is told of there, by `ErrorTagLimitExceed` or among the `exceeded`.',
  BadRequestImageAspectRatio: 'Pictures of any proportions are taken.',
  BadRequestTrainingNotNeededButTrainingPipelineUpdated:
    'There is one way of training: when nothing changed the code is `BadRequestTrainingNotNeeded`.',
  BadRequestRetiredDomainNotSupportedForTraining: 'No domain is retired here.',
  BadRequestClassificationTrainingValidationFailed: 'The codes for one tag an image and for several are used instead.',
  BadRequestDomainNotSupportedForAdvancedTraining: 'Every domain can be trained for longer.',
  BadRequestExportPlatformNotSupportedForAdvancedTraining:
    'What was trained for longer is exported like anything else.',
  BadRequestCustomerManagedKeyRevoked: "The keys are the server's own, and always there while it runs.",
  BadRequestPredictionResultsExceededCount:
    'A query for more stored predictions than a page holds gets a page, and a token for the next.',
  ForbiddenUser: noneHere,
  ForbiddenUserResource: noneHere,
  ForbiddenUserSignupDisabled: noneHere,
  ForbiddenUserSignupAllowanceExceeded: noneHere,
  ForbiddenUserDoesNotExist: noneHere,
  ForbiddenUserDisabled: noneHere,
  ForbiddenDRModeEnabled: 'There is no second region to fall back to.',
  ForbiddenInvalid:
    "It is the last of its kind in Azure's list, for what has no name: everything refused here has one.",
  NotFoundApimSubscription: noneHere,
  NotFoundInvalid: 'As `ForbiddenInvalid`.',
  ConflictInvalid: 'As `ForbiddenInvalid`.',
  ErrorIterationCopyFailed: 'A project that cannot be copied whole has the status `Failed`.',
  ErrorPreparePerformanceMigrationFailed: noneHere,
  ErrorProjectInvalidWorkspace: 'A project always has its workspace.',
  ErrorProjectInvalidPipelineConfiguration: inTheTraining,
  ErrorProjectInvalidDomain: 'The domains are part of the program.',
  ErrorProjectTrainingRequestFailed: inTheTraining,
  ErrorProjectExportRequestFailed: 'A project is read while it is copied: nothing is prepared that could fail.',
  ErrorFeaturizationServiceUnavailable: noFeaturizer,
  ErrorFeaturizationQueueTimeout: noFeaturizer,
  ErrorFeaturizationInvalidFeaturizer: noFeaturizer,
  ErrorFeaturizationAugmentationUnavailable: noFeaturizer,
  ErrorFeaturizationUnrecognizedJob: noFeaturizer,
  ErrorFeaturizationAugmentationError: noFeaturizer,
  ErrorExporterInvalidPlatform: inTheExport,
  ErrorExporterInvalidFeaturizer: inTheExport,
  ErrorExporterInvalidClassifier: inTheExport,
  ErrorPredictionModelNotFound: predictsItself,
  ErrorPredictionModelNotCached: predictsItself,
  ErrorPrediction: predictsItself,
  ErrorPredictionStorage: 'A picture that cannot be kept because the disk is full has `ErrorStorageFull`.',
  ErrorRegionProposal: predictsItself,
  ErrorServerTimeOut: 'Requests wait for their answer as long as the client does.',
  ErrorInvalid: 'As `ForbiddenInvalid`.',
  ErrorUnknownBaseModel:
    'A base that is not there is `NotFoundIteration`, one whose network is not is `BadRequestCustomBaseModelArchitectureRetired`.',
} as const satisfies Readonly<Record<string, string>> & { readonly [C in ProblemCode]?: never };
