import { AppError } from '../../base/errors.ts';
import type { Project } from '../../domain/project.ts';
import type { ProjectCounts } from '../../domain/project-export.ts';
import { projectNameTaken } from '../../store/projects.ts';
import type { App } from '../context.ts';
import { numberedName } from '../names.ts';
import { createProject, projectNameLookup } from '../projects.ts';
import { requireRoom } from '../tiers.ts';
import { originOf, type Reaching } from './origin.ts';

/**
 * Begins to copy the project that a token leads to into the account: makes a project that is `Importing`, under `name`, or
 * under the name it had and the first free number. What becomes of it its status tells, and why ListRestores.
 * @throws AppError `BadRequestInvalidImportToken`, `ErrorProjectImportRequestFailed`, and as `createProject`; when it is more
 * than a project may have, the code of that limit. Nothing was made then.
 */
export async function importProject(
  app: Reaching & Pick<App, 'queue'>,
  accountId: string,
  { token, name }: { readonly token: string; readonly name?: string | undefined },
): Promise<Project> {
  const { about } = await originOf(app, token);
  await requireRoomFor(app, accountId, about);
  const make = (own: string): Promise<Project> =>
    createProject(app, accountId, { ...about.project, name: own }, { importToken: token });
  if (name !== undefined) return make(name);
  for (;;)
    try {
      return await make(await freeName(app, accountId, about.project.name));
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof AppError) || error.code !== 'BadRequestProjectNameNotUnique') throw error;
    }
}

/** Refuses more than the account's tier lets a project have. @throws AppError the code of the limit. */
export async function requireRoomFor(
  app: Pick<App, 'db'>,
  accountId: string,
  { imageCount, tagCount, iterationCount }: Omit<ProjectCounts, 'regionCount'>,
): Promise<void> {
  const none = async () => 0;
  await requireRoom(app.db.query, accountId, 'images', none, imageCount);
  await requireRoom(app.db.query, accountId, 'tags', none, tagCount);
  await requireRoom(app.db.query, accountId, 'iterations', none, iterationCount);
}

async function freeName(app: Reaching, accountId: string, name: string): Promise<string> {
  for (let number = 1; ; number++) {
    const own = numberedName(name, number);
    if (!(await projectNameTaken(app.db.query, accountId, projectNameLookup(app, accountId, own)))) return own;
  }
}
