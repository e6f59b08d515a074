import { iterationsOnBackbones } from '../store/backbones.ts';
import { installedBackbones } from '../vision/backbone/installed.ts';
import { readBackbone } from '../vision/backbone/load.ts';
import { missingBackbones, modelsFolder } from './backbones.ts';
import type { App } from './context.ts';
import { type Finding, reportTo } from './findings.ts';

/** Looks whether every backbone that an iteration learned on is here, and whether those that are here can be read. */
export async function examineBackbones(app: Pick<App, 'db' | 'config'>): Promise<Finding[]> {
  const findings: Finding[] = [];
  const report = reportTo(findings);
  for (const { backbone, iterationIds } of await missingBackbones(app, await iterationsOnBackbones(app.db.query)))
    report('backbone-missing', `${backbone}, of iteration ${iterationIds.join(', ')}`);
  for (const { entry, folder } of await installedBackbones(modelsFolder(app.config)))
    await readBackbone(entry, entry.size, 1, folder).catch((error: Error) => {
      report('backbone-damaged', `${entry.name}: ${error.message}`);
    });
  return findings;
}
