import { AppError, expected } from '../../base/errors.ts';
import { limits } from '../../domain/limits.ts';
import { type ProblemCode, problem } from '../../domain/problems.ts';
import { augmentationWhere } from '../../domain/project.ts';
import { exportParts } from '../../domain/project-export.ts';
import type { App, ProjectScope } from '../context.ts';
import type { FetchStatus } from '../fetcher.ts';
import type { Taking } from '../takeout/taking.ts';
import { type ExportedProject, exportedProject, exportFormat, handOver } from './offer.ts';
import { exportAddress, signedExport } from './token.ts';

/** What importing needs to reach the project that a token leads to. */
export type Reaching = Taking & Pick<App, 'fetcher'>;

/** Where a project comes from. */
export interface Origin {
  readonly about: ExportedProject;
  /** The project as an archive. Ends when it is no longer read, or `signal` says so. @throws AppError as {@link originOf}. */
  open(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** Bytes that tell of a project. */
const mostAbout = 64 * 1024;

/**
 * What a token leads to: a project of this server, which is read without a detour over the network; or of another one,
 * which is asked for it as strangers' addresses are.
 * @throws AppError `BadRequestInvalidImportToken`; `ErrorProjectImportRequestFailed` when the other server does not answer.
 */
export async function originOf(app: Reaching, token: string): Promise<Origin> {
  const url = URL.parse(token);
  const address = url === null ? undefined : exportAddress(url);
  if (url === null || address?.part !== 'info')
    throw problem(
      'BadRequestInvalidImportToken',
      'Expected the token of an ExportProject, as it is, but received another text.',
    );
  const own = await signedExport(app, address);
  if (own?.isOver) throw problem('BadRequestInvalidImportToken');
  if (own !== undefined) return here(app, own.scope);
  const about = aboutProject(await reached(() => app.fetcher.fetch(url.href, mostAbout)));
  const archive = new URL(url);
  archive.pathname = url.pathname.slice(0, -exportParts.info.length) + exportParts.archive;
  return {
    about,
    open: async (signal) => outside(app.fetcher.stream(archive.href, mostBytes(about), signal)),
  };
}

const here = async (app: Reaching, scope: ProjectScope): Promise<Origin> => ({
  about: await exportedProject(app, scope),
  open: (signal) => handOver(app, scope, signal),
});

/**
 * The bytes an archive may have, from what its server said of it: pictures and models; and rows, of which those that say
 * what each iteration thought of each image are the largest, a number for each tag.
 */
const mostBytes = ({ bytes, imageCount, regionCount, tagCount, iterationCount }: ExportedProject): number =>
  64 * 1024 * 1024 +
  2 * bytes +
  4096 * (imageCount + regionCount) +
  (imageCount + 1000) * iterationCount * (4096 + 32 * tagCount);

async function* outside(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const reading = pieces[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await reached(() => reading.next());
      if (done) return;
      yield value;
    }
  } finally {
    await reading.return?.();
  }
}

/** What went wrong on the way, in words for whoever imports. The address is a secret, so none says it. */
async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'BadRequestImageUrl') throw error;
    const refused = (code: ProblemCode, words: string): Error => problem(code, words, error.cause);
    if (error.cause === undefined)
      throw refused(
        'BadRequestInvalidImportToken',
        `The token leads where this server is not to go: ${error.message.replace('the image URL', 'it')}. The administrator can allow a network of one's own with OWNSIGHT_ALLOW_NETWORKS.`,
      );
    const { status } = error.cause as Partial<FetchStatus>;
    if (status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429)
      throw refused(
        'BadRequestInvalidImportToken',
        `${expected('a token that is good for 24 hours, while its project is there', 'the import', 'one that its server no longer takes')}: export the project again.`,
      );
    throw refused('ErrorProjectImportRequestFailed', problem('ErrorProjectImportRequestFailed').message);
  }
}

/** Reads what another server says of a project. @throws AppError `BadRequestInvalidImportToken` when it is something else. */
function aboutProject(bytes: Buffer): ExportedProject {
  const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= limits.descriptionLength;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  try {
    const said = JSON.parse(bytes.toString('utf8')) as ExportedProject;
    const { format, project, iterationCount, imageCount, tagCount, regionCount } = said;
    const { name, description, domainId, classificationType, targetExportPlatforms, augmentation } = project;
    if (
      format === exportFormat &&
      [name, description, domainId].every(isText) &&
      [undefined, 'Multiclass', 'Multilabel'].includes(classificationType) &&
      Array.isArray(targetExportPlatforms) &&
      targetExportPlatforms.every(isText) &&
      [iterationCount, imageCount, tagCount, regionCount, said.bytes].every(isCount)
    )
      // Nothing else of what it says is listened to.
      return {
        ...{ format, iterationCount, imageCount, tagCount, regionCount, bytes: said.bytes },
        project: {
          ...{ name, description, domainId, classificationType, targetExportPlatforms },
          augmentation: augmentationWhere((method) => augmentation?.[method] !== false),
        },
      };
  } catch {
    // Told below.
  }
  throw problem(
    'BadRequestInvalidImportToken',
    `${expected('the token of an Ownsight server', 'the import', 'one of another kind of server')}: "ownsight import custom-vision" brings projects from Azure.`,
  );
}
