import { problem } from '../domain/problems.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { countDownload, listExports, readExport } from '../services/exporting.ts';
import { linkTarget } from '../services/link-path.ts';
import { readPicture } from '../services/pictures.ts';

/**
 * The file at a link's path, which must be of this project. Reading an export counts as a download, unless it is
 * `onlyLooking` for what there is.
 * @throws AppError `BadRequestInvalidArtifactUri` for what is no such path, `NotFoundImage`, `NotFoundIteration`,
 * `NotFound`.
 */
export async function readLinked(
  app: App,
  scope: ProjectScope,
  path: string,
  onlyLooking = false,
): Promise<{ bytes: Buffer; mediaType: string }> {
  const target = linkTarget(path);
  if (target === undefined || target.projectId !== scope.projectId) throw problem('BadRequestInvalidArtifactUri');
  if (target.kind !== 'export') return readPicture(app, scope, `${target.kind}-${target.size}`, target.id);
  const exports = await listExports(app, scope, target.iterationId);
  const made = exports.find(
    ({ platform, flavor, status }) => platform === target.platform && flavor === target.flavor && status === 'Done',
  );
  if (made === undefined) throw problem('NotFound', 'There is no such export.');
  const { bytes } = await readExport(app, scope, made.id);
  if (!onlyLooking) await countDownload(app, scope, made.id);
  return { bytes, mediaType: 'application/zip' };
}
