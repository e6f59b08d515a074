import { AppError } from '../base/errors.ts';
import { domainById } from '../domain/domain.ts';
import type { CustomBaseModel } from '../domain/iteration.ts';
import { problem } from '../domain/problems.ts';
import type { Queries } from '../store/database.ts';
import type { App, ProjectScope } from './context.ts';
import { requireIteration } from './iterations.ts';
import { requireAnyProject, requireProject } from './projects.ts';

/**
 * The backbone that a training begins from when it names an iteration of the account as its base: the one that iteration
 * began from, whatever the project says. What it learned of its pictures beyond that does not go along: a model that holds
 * something of pictures of other projects could not forget them.
 * @throws AppError `NotFoundProject`, `NotFoundIteration`, `BadRequestCustomBaseModelIterationStatusNotCompleted`,
 * `BadRequestCustomBaseModelDomainNotCompatible` for another type of project,
 * `BadRequestCustomBaseModelArchitectureRetired` when its backbone is not here any more.
 */
export async function backboneOfBase(
  app: Pick<App, 'vision'>,
  db: Queries,
  scope: ProjectScope,
  base: CustomBaseModel,
): Promise<string | null> {
  const project = await requireAnyProject(db, scope);
  const from = { accountId: scope.accountId, projectId: base.projectId };
  await requireProject(db, from);
  const { status, domain_id, backbone } = await requireIteration(db, from, base.iterationId);
  if (status !== 'Completed')
    throw problem(
      'BadRequestCustomBaseModelIterationStatusNotCompleted',
      `Expected an iteration that is Completed, with its model, for customBaseModelInfo but received one that is ${status}.`,
    );
  const [wanted, found] = [project.domain_id, domain_id].map((id) => domainById(id)?.type);
  if (wanted !== found)
    throw problem(
      'BadRequestCustomBaseModelDomainNotCompatible',
      `Expected an iteration for ${wanted} for customBaseModelInfo but received one for ${found}.`,
    );
  try {
    return (await app.vision.backbone(backbone)).reference;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw problem('BadRequestCustomBaseModelArchitectureRetired', error.message, error);
  }
}
