import type { JobRun, Jobs } from '../queue/job.ts';
import { presentBackbone } from '../services/backbones.ts';
import type { App } from '../services/context.ts';
import { computeFeatures } from '../services/features.ts';
import { imagesWithoutFeatures, outdateFeatures } from '../store/features.ts';
import { hasProject } from '../store/projects.ts';

/** Images looked up at a time. */
const batch = 256;

/**
 * Computes the features of a project's images that wait for them, on the backbone it wants now, oldest first, until none
 * is left. Where that backbone is not installed the next training says so.
 */
export async function features(app: App, scope: Jobs['features'], run: JobRun): Promise<void> {
  const backbone = await presentBackbone(app, app.db.query, scope);
  if (backbone === undefined) return;
  await outdateFeatures(app.db.query, scope.projectId, backbone.fingerprint);
  const tried = new Set<string>();
  while (await hasProject(app.db.query, scope.accountId, scope.projectId)) {
    const waiting = await imagesWithoutFeatures(app.db.query, scope.projectId, { limit: batch + tried.size });
    const ids = waiting.filter((id) => !tried.has(id));
    if (ids.length === 0) return;
    for (const id of ids) tried.add(id);
    await computeFeatures(app, scope, ids, { backbone, signal: run.signal, background: true });
  }
}
