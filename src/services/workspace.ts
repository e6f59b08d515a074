import type { Workspace } from '../domain/iteration.ts';
import { problem } from '../domain/problems.ts';
import { listIterations } from '../store/iterations.ts';
import { findProject } from '../store/projects.ts';
import type { App, ProjectScope } from './context.ts';
import { nextIterationName } from './training.ts';

/** The workspace of a project, as the iteration that is trained next. @throws AppError `NotFoundProject`. */
export async function getWorkspace(app: Pick<App, 'db' | 'keys'>, scope: ProjectScope): Promise<Workspace> {
  const project = await findProject(app.db.query, scope.accountId, scope.projectId);
  if (project === undefined) throw problem('NotFoundProject');
  const iterations = await listIterations(app.db.query, scope.projectId);
  return {
    projectId: scope.projectId,
    name: nextIterationName(app, scope, project, iterations),
    created: iterations[0]?.created ?? project.created,
    lastModified: project.modified,
  };
}
