import { join } from 'node:path';
import { AppError } from '../base/errors.ts';
import type { Config } from '../config.ts';
import { problem } from '../domain/problems.ts';
import {
  findBackboneWish,
  iterationsOnBackbones,
  type LearnedOn,
  projectsWithoutWish,
  saveBackboneWish,
  usesOfBackbone,
} from '../store/backbones.ts';
import type { Queries } from '../store/database.ts';
import type { KeyScope } from '../store/keys.ts';
import { removeBackboneFiles } from '../vision/backbone/add.ts';
import { type BackboneFacts, findBackbone, installedBackbones, nameIn } from '../vision/backbone/installed.ts';
import { record } from './audit.ts';
import type { App, ProjectScope } from './context.ts';
import { requireProject } from './projects.ts';

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

/** {@link projectBackbone}, or `undefined` when it is not installed here. */
export const presentBackbone = (
  app: Pick<App, 'vision'>,
  db: Queries,
  scope: ProjectScope,
): Promise<BackboneFacts | undefined> =>
  projectBackbone(app, db, scope).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'BadRequestOperationNotSupported') return undefined;
    throw error;
  });

/** What is chosen, and what could be. */
export interface BackboneSetting {
  /** Name; `null`: nothing of its own is chosen. */
  readonly backbone: string | null;
  /** Name of the one that the next training learns on. */
  readonly used: string;
  readonly installed: {
    readonly name: string;
    readonly licence: string;
    readonly bytes: number;
    readonly top1: string | null;
  }[];
  /** Backbones that iterations learned on and that are not here. */
  readonly missing: MissingBackbone[];
}

/** A backbone that is not here, what for it is needed, and how to get it. */
export interface MissingBackbone {
  readonly backbone: string;
  readonly iterationIds: string[];
  readonly message: string;
}

/** What a project or, without one, its account learns on. @throws AppError `NotFoundProject`. */
export async function backboneOf(app: Pick<App, 'db' | 'config'>, scope: KeyScope): Promise<BackboneSetting> {
  const db = app.db.query;
  await requireScope(db, scope);
  const { project, account } = await findBackboneWish(db, scope);
  const installed = await installedBackbones(modelsFolder(app.config));
  return {
    backbone: scope.projectId === undefined ? account : project,
    used: nameIn(project ?? account),
    installed: installed.map(({ entry: { name, licence, bytes, top1 = null } }) => ({ name, licence, bytes, top1 })),
    missing: await missingBackbones(app, await iterationsOnBackbones(db, scope)),
  };
}

/** Of what iterations learned on, what is not here. */
export async function missingBackbones(
  { config }: Pick<App, 'config'>,
  iterations: readonly LearnedOn[],
): Promise<MissingBackbone[]> {
  const found: MissingBackbone[] = [];
  for (const [backbone, some] of Map.groupBy(iterations, (one) => one.backbone)) {
    const message = await findBackbone(backbone, modelsFolder(config)).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (message !== undefined) found.push({ backbone, iterationIds: some.map(({ id }) => id), message });
  }
  return found;
}

/**
 * Has a project, or an account with all projects that choose nothing themselves, learn on another backbone from now on. What
 * is trained already stays as it is; features are computed anew in the background.
 * @throws AppError `NotFoundProject`, `BadRequest` when there is no such backbone here, naming those there are.
 */
export async function setBackbone(
  app: Pick<App, 'db' | 'keys' | 'config' | 'clock' | 'queue'>,
  scope: KeyScope,
  backbone: string | null,
): Promise<BackboneSetting> {
  const { accountId, projectId } = scope;
  await requireScope(app.db.query, scope);
  const names = (await installedBackbones(modelsFolder(app.config))).map(({ entry }) => entry.name);
  if (backbone !== null && !names.includes(backbone))
    throw problem(
      'BadRequest',
      `Expected a backbone that is installed (${names.join(', ')}) but received another name. "ownsight models" on the server gets more.`,
    );
  await app.db.transaction(async (tx) => {
    await requireScope(tx, scope);
    await saveBackboneWish(tx, scope, backbone);
    const projects = projectId === undefined ? await projectsWithoutWish(tx, accountId) : [projectId];
    for (const one of projects)
      await app.queue.enqueue(tx, 'features', { accountId, projectId: one }, { once: `features/${one}` });
    await record(app, tx, 'settings-changed', scope, { backbone: backbone ?? 'default' });
  });
  return backboneOf(app, scope);
}

/**
 * Removes a backbone that nothing uses, for good. @throws AppError `NotFound`; `Conflict` while an iteration learned on it, or a
 * project or account is to learn on it, naming them: nothing was removed.
 */
export async function removeBackbone(app: Pick<App, 'db' | 'config'>, name: string): Promise<void> {
  const folder = modelsFolder(app.config);
  const found = (await installedBackbones(folder)).find(({ entry }) => entry.name === name);
  if (found === undefined)
    throw problem('NotFound', `There is no backbone ${name}: "ownsight models list" tells which there are.`);
  if (found.folder === undefined) throw problem('Conflict', `${name} is part of the program and stays.`);
  const uses = await usesOfBackbone(app.db.query, name);
  const named = Object.entries(uses).filter(([, ids]) => ids.length > 0);
  if (named.length > 0) {
    const told = named.map(
      ([kind, ids]: [string, string[]]) =>
        `${ids.length} ${ids.length === 1 ? kind.slice(0, -1) : kind} (${ids.join(', ')})`,
    );
    throw problem(
      'Conflict',
      `${name} is in use by ${told.join(', ')}: delete these iterations, or have the projects and accounts use another one. Nothing was removed.`,
    );
  }
  await removeBackboneFiles(found.entry, folder);
}

async function requireScope(db: Queries, { accountId, projectId }: KeyScope): Promise<void> {
  if (projectId !== undefined) await requireProject(db, { accountId, projectId });
}
