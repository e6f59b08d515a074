import { expected } from '../base/errors.ts';
import type { NewImage, NewImages } from '../domain/image.ts';
import type { PredictionQuery } from '../domain/prediction.ts';
import { problem } from '../domain/problems.ts';
import { type Augmentation, augmentationMethods } from '../domain/project.ts';
import type { Box } from '../domain/region.ts';
import type { SuggestionFilter, SuggestionQuery } from '../domain/suggestion.ts';
import { parseDate } from './json.ts';
import type { BodyOf } from './operation.ts';
import type * as wire from './wire.ts';

const toBox = ({ left, top, width, height }: Box): Box => ({ left, top, width, height });

interface Labels {
  readonly tagIds?: readonly string[];
  readonly regions?: readonly (Box & { readonly tagId: string })[];
}

const labels = ({ tagIds = [], regions = [] }: Labels) => ({
  tagIds,
  regions: regions.map((region) => ({ tagId: region.tagId, box: toBox(region) })),
});

const batch = <Entry extends Labels>(
  {
    images,
    tagIds = [],
    metadata = null,
  }: {
    readonly images: readonly Entry[];
    readonly tagIds?: string[];
    readonly metadata?: Record<string, string> | null;
  },
  own: (entry: Entry) => Pick<NewImage, 'source' | 'name'>,
): NewImages => ({
  entries: images.map((entry) => ({ ...own(entry), ...labels(entry) })),
  shared: { tagIds, metadata },
});

/** Pictures in base64, as they are: what is no picture gets its own status. */
export const toFileBatch = (body: wire.ImageFileCreateBatch): NewImages =>
  batch(body, ({ name = '', contents }) => ({ source: { bytes: Buffer.from(contents, 'base64') }, name }));

/** Pictures to fetch. */
export const toUrlBatch = (body: wire.ImageUrlCreateBatch): NewImages =>
  batch(body, ({ url }) => ({ source: { url }, name: '' }));

/** Pictures of stored predictions. */
export const toPredictionBatch = (body: wire.ImageIdCreateBatch): NewImages =>
  batch(body, ({ id }) => ({ source: { predictionId: id }, name: '' }));

/** Pictures sent as files, which share their tags. */
export const toDataBatch = (
  files: readonly { readonly bytes: Uint8Array; readonly name: string }[],
  tagIds: readonly string[] = [],
): NewImages => ({
  entries: files.map(({ bytes, name }) => ({ source: { bytes }, name, tagIds: [], regions: [] })),
  shared: { tagIds, metadata: null },
});

/** Regions to draw. */
export const toRegions = ({ regions }: BodyOf<'CreateImageRegions'>) =>
  regions.map(({ imageId, tagId, ...box }) => ({ imageId, tagId, box: toBox(box) }));

/** The changes to a project that a sent project asks for. */
export const toProjectChanges = ({ name, description, settings }: wire.ProjectUpdate) => ({
  ...(name !== undefined && { name }),
  ...(description !== undefined && { description }),
  ...(settings && toSettings(settings)),
});

const toSettings = ({ imageProcessingSettings, ...settings }: wire.ProjectSettingsUpdate) => ({
  ...settings,
  ...(imageProcessingSettings?.augmentationMethods && {
    augmentation: toAugmentation(imageProcessingSettings.augmentationMethods),
  }),
});

/** Which methods are wanted. @throws AppError `BadRequestProjectImagePreprocessingSettings` for one that is none. */
function toAugmentation(methods: Readonly<Record<string, boolean>>): Partial<Augmentation> {
  const known = new Map(augmentationMethods.map((name) => [name.toLowerCase(), name]));
  return Object.fromEntries(
    Object.entries(methods).map(([name, wanted]) => {
      const method = known.get(name.toLowerCase());
      if (method === undefined)
        throw problem(
          'BadRequestProjectImagePreprocessingSettings',
          expected(`one of ${augmentationMethods.join(', ')}`, 'a method of augmentationMethods', name),
        );
      return [method, wanted];
    }),
  );
}

/** Which suggestions to count. */
export const toSuggestionFilter = ({ tagIds, threshold = 0 }: wire.TagFilter): SuggestionFilter => ({
  tagIds: tagIds ?? [],
  threshold,
});

/** Which suggestions to look for. */
export const toSuggestionQuery = (token: wire.SuggestedTagAndRegionQueryToken): SuggestionQuery => ({
  ...toSuggestionFilter(token),
  continuation: token.continuation || null,
  maxCount: token.maxCount ?? 0,
  sortBy: token.sortBy ?? 'UncertaintyAscending',
});

/** What to look for among the stored predictions. */
export function toPredictionQuery(token: wire.PredictionQueryToken): PredictionQuery {
  const moment = (date: string | null | undefined) => (date ? (parseDate(date) ?? null) : null);
  return {
    continuation: token.continuation || null,
    maxCount: token.maxCount ?? 0,
    orderBy: token.orderBy ?? 'Newest',
    tags: (token.tags ?? []).map(({ id, minThreshold = 0, maxThreshold = 1 }) => ({ id, minThreshold, maxThreshold })),
    iterationId: token.iterationId ?? null,
    startTime: moment(token.startTime),
    endTime: moment(token.endTime),
    application: token.application || null,
  };
}
