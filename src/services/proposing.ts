import { problem } from '../domain/problems.ts';
import type { RegionProposal } from '../domain/region-proposal.ts';
import { listIterations } from '../store/iterations.ts';
import { findProject } from '../store/projects.ts';
import { suppression } from '../vision/detect/decode.ts';
import { type Found, suppress } from '../vision/image/box.ts';
import type { App, ProjectScope } from './context.ts';
import { pictureLimits, readPicture } from './pictures.ts';

/**
 * Where things may be in an image, the most likely first: what the newest detector of the project finds, whatever it takes
 * it for; before there is one, parts that stand out by their colour.
 * @throws AppError `NotFoundProject`, `NotFoundImage`, `BadRequestOperationNotSupported` when the project is for classification.
 */
export async function proposeRegions(
  app: Pick<App, 'db' | 'keys' | 'blobs' | 'vision' | 'models'>,
  scope: ProjectScope,
  imageId: string,
): Promise<RegionProposal[]> {
  const project = await findProject(app.db.query, scope.accountId, scope.projectId);
  if (project === undefined) throw problem('NotFoundProject');
  if (project.classification_type !== null)
    throw problem('BadRequestOperationNotSupported', 'Invalid project type for operation.');
  const { bytes } = await readPicture(app, scope, 'image-original', imageId);
  return (await likely(app, scope, bytes)).map(({ score, left, top, width, height }) => ({
    box: { left, top, width, height },
    confidence: score,
  }));
}

async function likely(
  app: Pick<App, 'db' | 'vision' | 'models'>,
  scope: ProjectScope,
  picture: Uint8Array,
): Promise<Found[]> {
  const [options, run] = [{ limits: pictureLimits }, { urgent: true }];
  const trained = (await listIterations(app.db.query, scope.projectId)).find((one) => one.status === 'Completed');
  if (trained === undefined) return app.vision.likelyRegions(picture, options, run);
  const model = await app.models.load(scope, trained);
  if (model.kind !== 'detector')
    throw problem('BadRequestOperationNotSupported', 'Invalid project type for operation.');
  const { id, detector, backbone } = model;
  const found = await app.vision.detect(id, detector, picture, { ...options, backbone }, run);
  return suppress(
    found.map((one) => ({ ...one, label: 0 })),
    suppression,
  );
}
