import { join } from 'node:path';
import type { Config } from '../config.ts';
import { findBackboneWish } from '../store/backbones.ts';
import type { Queries } from '../store/database.ts';
import type { BackboneFacts } from '../vision/backbone/installed.ts';
import type { App, ProjectScope } from './context.ts';

/** Where backbones lie beside the built-in one: for all accounts, and nothing of any. */
export const modelsFolder = ({ home }: Pick<Config, 'home'>): string => join(home, 'models');

/**
 * The backbone a project learns on: its own choice, else its account's, else the built-in one.
 * @throws AppError `BadRequestOperationNotSupported` when it is not installed here, saying how to get it.
 */
export async function projectBackbone(
  app: Pick<App, 'vision'>,
  db: Queries,
  scope: ProjectScope,
): Promise<BackboneFacts> {
  const { project, account } = await findBackboneWish(db, scope);
  return app.vision.backbone(project ?? account);
}
