import type { Readable } from 'node:stream';
import { problem } from '../../domain/problems.ts';
import type { ProjectCounts, ProjectExport } from '../../domain/project-export.ts';
import { countSelected } from '../../store/images.ts';
import { listIterations } from '../../store/iterations.ts';
import type { IterationRow } from '../../store/schema.ts';
import { tagTypes } from '../../store/tags.ts';
import { decodeModel } from '../../vision/trained-model.ts';
import { record } from '../audit.ts';
import type { App, ProjectScope } from '../context.ts';
import { getSealed } from '../pictures.ts';
import { getProject, type ProjectInput, requireProject } from '../projects.ts';
import type { Taking } from '../takeout/taking.ts';
import { isCopied, projectArchive } from './archive.ts';
import { signExport } from './token.ts';

/** What an import knows beforehand of the project it is to make. */
export interface ExportedProject extends ProjectCounts {
  readonly format: typeof exportFormat;
  readonly project: ProjectInput;
  /** Bytes of its originals and models. */
  readonly bytes: number;
}

/** The name and version of what a token leads to. */
export const exportFormat = 'ownsight-project-export/1';

/** Measured: to fetch, check, seal and make a thumbnail of one picture, and the rest, ms; and bytes that go through in one. */
const [perImage, fixed, bytesPerMs] = [12, 1000, 40_000];

/**
 * Lets a project be copied by whoever has the signature that this returns, for 24 hours.
 * @throws AppError `NotFoundProject`; `BadRequestExportWhileTraining`; `BadRequestIterationValidationFailed` for an
 * iteration whose model is lost, or still knows what it was to forget.
 */
export async function exportProject(
  app: Pick<App, 'db' | 'keys' | 'blobs' | 'clock'>,
  scope: ProjectScope,
  keyId: string,
): Promise<ProjectExport> {
  await requireProject(app.db.query, scope);
  const iterations = await listIterations(app.db.query, scope.projectId);
  if (iterations.some((row) => row.status === 'Training' || row.rebuild === 'Waiting'))
    throw problem('BadRequestExportWhileTraining');
  for (const row of iterations) await requireSound(app, scope, row);
  const { bytes, ...counts } = await extentOf(app, scope);
  const signature = signExport(app, scope, keyId);
  await app.db.transaction((tx) => record(app, tx, 'project-exported', scope, { images: counts.imageCount }));
  const estimatedImportTimeInMs = fixed + perImage * counts.imageCount + Math.ceil(bytes / bytesPerMs);
  return { ...counts, estimatedImportTimeInMs, signature };
}

async function requireSound(app: Pick<App, 'keys' | 'blobs'>, scope: ProjectScope, row: IterationRow): Promise<void> {
  const invalid = (what: string): Error =>
    problem('BadRequestIterationValidationFailed', `The iteration ${row.id} ${what}: delete it, or train it anew.`);
  if (row.rebuild === 'Failed') throw invalid('still knows pictures that it was to forget');
  if (row.status !== 'Completed') return;
  try {
    decodeModel((await getSealed(app, scope, 'model', row.model_id ?? row.id))!);
  } catch {
    throw invalid('has lost its model');
  }
}

/** What an import is told of a project before it begins. @throws AppError `NotFoundProject`. */
export async function exportedProject(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<ExportedProject> {
  const { name, description, domainId, classificationType, ...settings } = await getProject(app, scope);
  return {
    format: exportFormat,
    project: {
      name,
      description,
      domainId,
      ...(classificationType !== null && { classificationType }),
      targetExportPlatforms: settings.targetExportPlatforms,
      augmentation: settings.augmentation,
    },
    ...(await extentOf(app, scope)),
  };
}

/** {@link projectArchive}, which the account's log tells of. */
export async function handOver(app: Taking, scope: ProjectScope, signal: AbortSignal): Promise<Readable> {
  await app.db.transaction((tx) => record(app, tx, 'project-copied', scope));
  return projectArchive(app, scope, signal);
}

/** How much of a project would go along, and the bytes of its originals and models. */
export async function extentOf(
  app: Pick<App, 'db'>,
  { projectId }: ProjectScope,
): Promise<ProjectCounts & { readonly bytes: number }> {
  const db = app.db.query;
  const all = db.selectFrom('images').where('project_id', '=', projectId);
  const pictures = await all.select((at) => at.fn.sum<number>('bytes').as('bytes')).executeTakeFirstOrThrow();
  const boxes = db.selectFrom('regions').where('project_id', '=', projectId);
  const regions = await boxes.select((at) => at.fn.countAll().as('n')).executeTakeFirstOrThrow();
  const iterations = (await listIterations(db, projectId)).filter(isCopied);
  return {
    iterationCount: iterations.length,
    imageCount: await countSelected(db, { projectId }),
    tagCount: (await tagTypes(db, projectId)).length,
    regionCount: Number(regions.n),
    bytes: Number(pictures.bytes ?? 0) + iterations.reduce((total, row) => total + row.model_bytes, 0),
  };
}
