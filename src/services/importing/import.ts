import { hasCode } from '../../base/durable.ts';
import { AppError } from '../../base/errors.ts';
import { record } from '../audit.ts';
import { requireProject } from '../projects.ts';
import { customVisionSource, type FoundProject, projectsOf } from './custom-vision.ts';
import { type Access, connect } from './custom-vision-client.ts';
import type { Reading } from './custom-vision-pictures.ts';
import { putIteration } from './iterations.ts';
import { putAll } from './pictures.ts';
import type { PutOptions } from './ready.ts';
import { faultOf, type ImportProgress, type ImportReport, type ImportRun, isFault } from './report.ts';
import type { Source } from './source.ts';
import { type Importing, namedProject, projectFor, type Target, tagFor, targetOf } from './target.ts';

/** Which projects of a Custom Vision resource are to come. */
export interface CustomVisionInput extends Access, ImportRun {
  readonly accountId: string;
  /** By id or name there; default all. */
  readonly projects?: readonly string[] | undefined;
}

/**
 * Imports projects of a Custom Vision resource into an account: settings, tags, pictures with labels and metadata, and
 * what is told of iterations. What is there already is left as it is, so a second run goes on where the first one
 * stopped. Contacts the endpoint, and the addresses of pictures that it answers with.
 * Never throws for what is only a part: the report says what failed.
 * @throws AppError `ImportRefused` before anything is written: the address, the key or a project is wrong.
 */
export async function importCustomVision(app: Importing, input: CustomVisionInput): Promise<ImportReport> {
  const { accountId, signal } = input;
  const vision = await connect(input, signal);
  const reading: Reading = { vision, fetcher: app.fetcher, signal };
  const chosen = choose(await projectsOf(reading), input.projects);
  const report = newReport(`custom-vision ${vision.origin.href}`, vision.version.name);
  await untilStopped(report, signal, async () => {
    for (const { id } of chosen)
      try {
        const source = await customVisionSource(reading, id);
        const scope = await projectFor(app, accountId, source.project);
        await fill(app, await begin(app, report, scope, id), source, input);
      } catch (error) {
        signal?.throwIfAborted();
        report.failed.push(faultOf('project', id, error));
      }
  });
  return report;
}

function choose(found: readonly FoundProject[], wanted: readonly string[] | undefined): readonly FoundProject[] {
  if (wanted === undefined || wanted.length === 0) return found;
  return wanted.map((one) => {
    const matching = found.filter((project) => project.id === one.toLowerCase() || project.name === one);
    if (matching.length === 1) return matching[0]!;
    throw new AppError(
      'ImportRefused',
      `expected the id or the unique name of a project of the resource but ${matching.length} match ${JSON.stringify(one)}; it has ${found.map(({ id, name }) => `${id} ${JSON.stringify(name)}`).join(', ') || 'none'}`,
    );
  });
}

/** Where pictures of a folder are to go. */
export interface FolderInput extends ImportRun {
  readonly accountId: string;
  /** By id or name; one of this name is made where there is none. */
  readonly project: string;
  /** The type was asked for: a project that is there must be of it. */
  readonly isTypeWanted: boolean;
}

/**
 * Imports pictures and labels from files. A picture that is there already is found by its bytes and gains the labels it
 * lacks, so a second run goes on where the first one stopped. @throws AppError `NotFoundProject`, `ImportRefused` before
 * anything is written.
 */
export async function importFiles(
  app: Importing,
  name: string,
  source: Source,
  { accountId, project, isTypeWanted, ...run }: FolderInput,
): Promise<ImportReport> {
  const scope = await namedProject(app, accountId, project, source.project, isTypeWanted);
  const report = newReport(name, null);
  const target = await begin(app, report, scope, null);
  await untilStopped(report, run.signal, () => fill(app, target, source, run));
  return report;
}

const newReport = (source: string, apiVersion: string | null): ImportReport => ({
  source,
  apiVersion,
  complete: false,
  stopped: null,
  projects: [],
  failed: [],
});

async function begin(
  app: Importing,
  report: ImportReport,
  scope: Target['scope'],
  from: string | null,
): Promise<Target> {
  const target = await targetOf(app, scope, from);
  report.projects.push(target.report);
  return target;
}

/** Runs `work` and notes in the report how it ended. */
async function untilStopped(
  report: ImportReport,
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (signal?.aborted) report.stopped = 'It was stopped.';
    else if (error instanceof AppError || hasCode(error, 'ENOSPC')) report.stopped = (error as Error).message;
    else throw error;
  }
  const failed = report.projects.some((one) => one.failed.length > 0) || report.failed.length > 0;
  report.complete = report.stopped === null && !failed;
}

/** Brings everything of a source into the project. */
async function fill(app: Importing, target: Target, source: Source, { signal, onProgress }: ImportRun): Promise<void> {
  const { report, scope } = target;
  const begun = performance.now();
  let [bytes, done] = [0, 0];
  const tell = (step: ImportProgress['step'], total: number | undefined): void => {
    const left = total === undefined || done === 0 ? undefined : ((total - done) * (performance.now() - begun)) / done;
    onProgress?.({
      project: report.name,
      step,
      done,
      total,
      bytes,
      failed: report.failed.length,
      secondsLeft: left === undefined ? undefined : Math.ceil(Math.max(0, left) / 1000),
    });
  };
  const options = (
    step: ImportProgress['step'],
    total: number | undefined,
  ): PutOptions & { onEach(count: number): void } => ({
    signal,
    onBytes: (more) => {
      bytes += more;
      tell(step, total);
    },
    onEach: (count) => {
      done += count;
      tell(step, total);
    },
  });
  for await (const tag of source.tags()) {
    signal?.throwIfAborted();
    if (isFault(tag)) {
      report.failed.push(tag);
      continue;
    }
    try {
      target.tags.set(tag.key, await tagFor(app, target, tag));
    } catch (error) {
      report.failed.push(faultOf('tag', tag.key, error));
      target.tags.set(tag.key, null);
    }
  }
  await putAll(app, target, source.pictures(), 'workspace', options('pictures', source.total));
  for await (const iteration of source.iterations?.() ?? []) {
    signal?.throwIfAborted();
    done = 0;
    if (isFault(iteration)) report.failed.push(iteration);
    else await putIteration(app, target, iteration, source.apiVersion ?? '', options('iterations', source.total));
  }
  report.notes.push(...source.notes());
  const { images, tags, iterations } = report;
  await app.db.transaction(async (tx) => {
    await requireProject(tx, scope);
    await record(app, tx, 'import', scope, {
      images: images.imported,
      tags: tags.imported,
      iterations: iterations.imported,
      failed: report.failed.length,
    });
  });
}
