import { AppError, expected } from '../../base/errors.ts';
import { limits } from '../../domain/limits.ts';
import type { TagType } from '../../domain/tag.ts';
import { tiers } from '../../domain/tier.ts';
import type { Fetcher, FetchStatus } from '../fetcher.ts';
import { type CustomVision, isPassing } from './custom-vision-client.ts';
import type { Fault } from './report.ts';
import type { SourceBytes, SourcePicture, SourceTag } from './source.ts';
import { type Told, told, toldId, toldList, toldText, toldTime } from './told.ts';

/** What reading from a resource needs. */
export interface Reading {
  readonly vision: CustomVision;
  readonly fetcher: Fetcher;
  readonly signal: AbortSignal | undefined;
}

/** Ten times what a project may hold there. */
const mostEntries = 10 * tiers.S0.imagesPerProject;

const tagTypes: readonly unknown[] = ['Regular', 'Negative', 'GeneralProduct'] satisfies TagType[];

/** A tag as it is told of. */
export function tagFrom(one: Told): SourceTag | undefined {
  const [id, name] = [toldId(one.id), toldText(one.name)];
  if (id === undefined || name === undefined) return undefined;
  return {
    key: id,
    id,
    name,
    description: toldText(one.description) ?? null,
    type: tagTypes.includes(one.type) ? (one.type as TagType) : 'Regular',
  };
}

/** Every picture of the workspace, or of an iteration, oldest first, so that what is added meanwhile comes last. */
export async function* picturesOf(
  reading: Reading,
  root: string,
  iterationId: string | undefined,
): AsyncGenerator<SourcePicture | Fault> {
  const { vision } = reading;
  const lists = vision.version.list === 'all' ? ['images'] : ['images/tagged', 'images/untagged'];
  const iteration = iterationId === undefined ? '' : `&iterationId=${iterationId}`;
  for (const list of lists)
    for await (const one of pagesOf(reading, `${root}/${list}`, iteration)) yield pictureFrom(reading, one);
}

/**
 * Every entry of a list that comes in pages, oldest first. @throws AppError `ImportRefused` when it is none (unless it
 * `mayLack`), or endless.
 */
export async function* pagesOf(
  { vision, signal }: Reading,
  path: string,
  more: string,
  mayLack = false,
): AsyncGenerator<Told> {
  for (let skip = 0; skip < mostEntries; skip += limits.take) {
    const page = await vision.get(`${path}?orderBy=Oldest&take=${limits.take}&skip=${skip}${more}`, signal);
    if (page === undefined && mayLack) return;
    if (!Array.isArray(page)) throw new AppError('ImportRefused', expected('a list', path, 'something else'));
    yield* toldList(page);
    if (page.length < limits.take) return;
  }
  throw new AppError('ImportRefused', expected(`at most ${mostEntries} entries`, path, 'more'));
}

function pictureFrom(reading: Reading, one: Told): SourcePicture | Fault {
  const id = toldId(one.id);
  if (id === undefined)
    return { fault: 'picture', item: String(one.id), code: 'ErrorSource', reason: 'The picture has no id.' };
  const metadata = Object.entries(told(one.metadata)).filter(([, value]) => typeof value === 'string');
  return {
    item: id,
    id,
    created: toldTime(one.created),
    tags: toldList(one.tags).flatMap((tag) => {
      const key = toldId(tag.tagId);
      return key === undefined ? [] : { key, created: toldTime(tag.created) };
    }),
    regions: toldList(one.regions).flatMap((region) => {
      const [key, regionId] = [toldId(region.tagId), toldId(region.regionId)];
      const { left, top, width, height } = region as Record<string, number>;
      const box = { left: left!, top: top!, width: width!, height: height! };
      return key === undefined
        ? []
        : { key, ...(regionId && { id: regionId }), box, created: toldTime(region.created) };
    }),
    metadata: metadata.length === 0 ? null : (Object.fromEntries(metadata) as Record<string, string>),
    bytes: (signal) => bytesOf(reading, one, signal),
  };
}

/**
 * The original, else the smaller copy that training used. The key does not travel with it: these links authorise
 * themselves.
 */
async function bytesOf({ vision, fetcher }: Reading, one: Told, signal: AbortSignal | undefined): Promise<SourceBytes> {
  const fetched = (link: string): Promise<Buffer> =>
    vision.patiently(
      signal,
      () => fetcher.fetch(link, limits.trainingImageBytes, { host: vision.origin.host, signal }),
      (error) => {
        const { cause } = error as { cause?: Partial<FetchStatus> };
        return cause instanceof Error || isPassing(cause?.status ?? 0) ? 0 : undefined;
      },
    );
  const [original, copy] = [toldText(one.originalImageUri), toldText(one.resizedImageUri) ?? toldText(one.imageUri)];
  if (original !== undefined)
    try {
      return { bytes: await fetched(original) };
    } catch (error) {
      if (copy === undefined || copy === original) throw error;
    }
  if (copy === undefined) throw new AppError('ErrorSource', 'The service tells no address of the picture.');
  return { bytes: await fetched(copy), resized: true };
}
