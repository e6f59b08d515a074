import { AppError } from '../base/errors.ts';

/**
 * What can be wrong with a request, by Azure's own code names: the HTTP status, and the message when no better one is
 * at hand. Codes: CustomVisionErrorCodes of Training 3.4-preview; statuses and messages where seen on the wire, else
 * ours.
 */
export const problems = {
  BadRequest: [400, 'The request is not valid.'],
  BadRequestExceededBatchSize: [400, 'Too many entries in one batch.'],
  BadRequestNotSupported: [400, 'This is not supported.'],
  BadRequestInvalidIds: [400, 'Invalid ids.'],
  BadRequestProjectName: [400, 'Invalid project name.'],
  BadRequestProjectNameNotUnique: [400, 'A project of this name exists already.'],
  BadRequestProjectDescription: [400, 'Invalid project description.'],
  BadRequestProjectUnknownDomain: [400, 'Unknown domain.'],
  BadRequestProjectUnknownClassification: [400, 'Unknown classification type.'],
  BadRequestProjectUnsupportedDomainTypeChange: [
    400,
    'A project cannot change between classification and object detection.',
  ],
  BadRequestProjectUnsupportedExportPlatform: [400, 'Unsupported target export platform.'],
  BadRequestProjectImagePreprocessingSettings: [400, 'Invalid image processing settings.'],
  BadRequestIterationName: [400, 'Invalid iteration name.'],
  BadRequestIterationNameNotUnique: [400, 'An iteration of this name exists already.'],
  BadRequestWorkspaceCannotBeModified: [
    400,
    'The workspace is no iteration that was trained: it has no name to change.',
  ],
  BadRequestWorkspaceNotDeletable: [
    400,
    'The workspace cannot be deleted: delete its images and tags, or the project.',
  ],
  BadRequestIterationIsNotTrained: [400, 'Iteration is not trained'],
  BadRequestTagName: [400, 'Invalid tag name.'],
  BadRequestTagNameNotUnique: [400, 'A tag of this name exists already.'],
  BadRequestTagDescription: [400, 'Invalid tag description.'],
  BadRequestTagType: [400, 'Invalid tag type.'],
  BadRequestMultipleNegativeTag: [400, 'The project has a negative tag already.'],
  BadRequestMultipleGeneralProductTag: [400, 'The project has a general product tag already.'],
  BadRequestImageTags: [400, 'Invalid image tags.'],
  BadRequestImageRegions: [400, 'Invalid image regions.'],
  BadRequestNegativeAndRegularTagOnSameImage: [400, 'An image cannot carry the negative tag and a regular tag.'],
  BadRequestRequiredParamIsNull: [400, 'A required parameter is missing.'],
  BadRequestIterationIsPublished: [400, 'Iteration is published'],
  BadRequestInvalidPublishName: [400, 'Invalid publish name.'],
  BadRequestInvalidPublishTarget: [400, 'Invalid publish target.'],
  BadRequestIterationNotPublished: [400, 'Iteration is not published'],
  BadRequestExceedProjectLimit: [400, 'The account has as many projects as it may have.'],
  BadRequestExceedIterationPerProjectLimit: [
    400,
    'The project has as many iterations as it may have: delete one first.',
  ],
  BadRequestExceedTagPerProjectLimit: [400, 'The project has as many tags as it may have.'],
  BadRequestExceededQuota: [400, 'The quota is used up.'],
  BadRequestImageBatch: [400, 'Invalid image batch.'],
  BadRequestImageStream: [400, 'Expected the bytes of one image.'],
  BadRequestImageUrl: [400, 'The image cannot be fetched from this address.'],
  BadRequestImageFormat: [400, 'Expected a JPEG, PNG, GIF, BMP or WebP image.'],
  BadRequestImageSizeBytes: [400, 'The image is larger than allowed.'],
  BadRequestImageDimensions: [400, 'The image has more pixels than allowed.'],
  BadRequestImageExceededCount: [400, 'The project has as many images as it may have.'],
  BadRequestTrainingNotNeeded: [400, 'Nothing changed since last training'],
  BadRequestTrainingValidationFailed: [400, 'Not enough images for training'],
  BadRequestMultiClassClassificationTrainingValidationFailed: [400, 'Not enough images per tag for training'],
  BadRequestMultiLabelClassificationTrainingValidationFailed: [400, 'Not enough images per tag for training'],
  BadRequestDetectionTrainingValidationFailed: [400, 'Not enough images per tag for training'],
  BadRequestDetectionTrainingNotAllowNegativeTag: [400, 'Object detection cannot be trained with a negative tag.'],
  BadRequestTrainingAlreadyInProgress: [400, 'The project is being trained already.'],
  BadRequestInvalidEmailAddress: [400, 'Invalid e-mail address.'],
  BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining: [400, 'The budget is not enough for advanced training.'],
  BadRequestExportValidationFailed: [400, 'The iteration cannot be exported like this.'],
  BadRequestExportAlreadyInProgress: [
    400,
    'The iteration has this export already, or it is being made: read it with GetExports.',
  ],
  BadRequestExportWhileTraining: [400, 'The project is being trained: export it when that is done.'],
  BadRequestIterationValidationFailed: [400, 'An iteration of the project cannot be exported.'],
  BadRequestInvalidImportToken: [400, 'The import token is not valid, or has expired: tokens are good for 24 hours.'],
  BadRequestPredictionIdsMissing: [400, 'Expected at least one prediction id.'],
  BadRequestPredictionIdsExceededCount: [400, 'Too many prediction ids.'],
  BadRequestPredictionTagsExceededCount: [400, 'Too many tags in the query.'],
  BadRequestPredictionInvalidQueryParameters: [400, 'Invalid prediction query.'],
  BadRequestPredictionInvalidApplicationName: [400, 'Invalid application name.'],
  BadRequestImageMetadataKey: [400, 'Invalid metadata key.'],
  BadRequestImageMetadataValue: [400, 'Invalid metadata value.'],
  BadRequestOperationNotSupported: [400, 'This operation is not supported here.'],
  BadRequestCustomBaseModelIterationStatusNotCompleted: [400, 'The iteration to begin from is not Completed.'],
  BadRequestCustomBaseModelDomainNotCompatible: [400, 'The iteration to begin from is of another type.'],
  BadRequestCustomBaseModelArchitectureRetired: [400, 'The network of the iteration to begin from is not here.'],
  BadRequestInvalidUri: [400, 'Nothing can be sent to this address.'],
  BadRequestInvalidArtifactUri: [400, 'Invalid artifact path.'],
  BadRequestInvalid: [400, 'The request is not valid.'],
  Unauthorized: [
    401,
    'Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.',
  ],
  Forbidden: [403, 'The link is not valid, or has expired: links are good for 24 hours.'],
  ForbiddenUserInsufficientCapability: [403, 'The role of the key does not include this.'],
  NotFound: [404, 'Not found.'],
  NotFoundProject: [404, 'Invalid project'],
  NotFoundProjectDefaultIteration: [404, 'Project has no default iteration'],
  NotFoundIteration: [404, 'Invalid iteration'],
  NotFoundIterationPerformance: [404, 'The iteration has no performance: it is not trained.'],
  NotFoundTag: [404, 'Invalid tag'],
  NotFoundImage: [404, 'Invalid image'],
  NotFoundDomain: [404, 'Invalid domain'],
  MethodNotAllowed: [405, 'This address does not take this method.'],
  PreconditionFailed: [
    412,
    'The account changed since this takeout was begun, so that it cannot be gone on with: begin a new one.',
  ],
  PayloadTooLarge: [413, 'The request body is larger than allowed.'],
  UnsupportedMediaType: [415, 'Unsupported media type.'],
  RangeNotSatisfiable: [416, 'The file has no such part.'],
  Conflict: [409, 'The thing changed meanwhile: try again.'],
  TooManyRequests: [429, 'Too many calls in a second: try again later.'],
  ErrorUnknown: [500, 'Something went wrong inside the server. Nothing was lost; the log of the server says more.'],
  ErrorProjectImportRequestFailed: [502, 'The server that the import token leads to did not answer: try again.'],
  ErrorStorageFull: [507, 'The disk of the server is full. Nothing was stored; free space and try again.'],
  ErrorPredictionServiceUnavailable: [503, 'The server is stopping: try again in a moment.'],
} as const satisfies Record<string, readonly [status: number, message: string]>;

/** A code of the error catalogue. */
export type ProblemCode = keyof typeof problems;

/**
 * A refusal in the catalogue's terms, to be thrown: `throw problem('NotFoundTag')`. `detail` replaces the catalogue's
 * message; it may quote only what the caller sent.
 */
export function problem(code: ProblemCode, detail?: string, cause?: unknown): AppError {
  return new AppError(code, detail ?? problems[code][1], cause);
}

/** Whether a code is in the catalogue. */
export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code);
