import { expected } from '../../base/errors.ts';
import {
  fromExport,
  fromImagePerformance,
  fromIteration,
  fromIterationPerformance,
} from '../../contract/from-domain.ts';
import { fromWorkspace } from '../../contract/wire-1.ts';
import { problem } from '../../domain/problems.ts';
import { exportIteration, listExports } from '../../services/exporting.ts';
import {
  deleteIteration,
  getIteration,
  listIterations,
  publishIteration,
  unpublishIteration,
  updateIteration,
} from '../../services/iterations.ts';
import { imagePerformanceCount, imagePerformances, iterationPerformance } from '../../services/performance.ts';
import { trainProject } from '../../services/training.ts';
import { getWorkspace } from '../../services/workspace.ts';
import { type Handlers, nothing } from '../handler.ts';

type Ids =
  | 'TrainProject'
  | 'GetIterations'
  | 'GetIteration'
  | 'UpdateIteration'
  | 'DeleteIteration'
  | 'PublishIteration'
  | 'UnpublishIteration'
  | 'GetIterationPerformance'
  | 'GetImagePerformances'
  | 'GetImagePerformanceCount'
  | 'ExportIteration'
  | 'GetExports';

/** Training and what comes of it: iterations, their performance, publication and exports. */
export const iterationHandlers: Pick<Handlers, Ids> = {
  async TrainProject({ app, scope, query, body }) {
    refuseNoAddress(query.notificationEmailAddress);
    const { trainingType = 'Regular', reservedBudgetInHours = 0, forceTrain = false } = query;
    const iteration = await trainProject(app, scope, {
      trainingType,
      reservedBudgetInHours,
      forceTrain,
      selectedTags: body?.selectedTags,
      customBaseModel: body?.customBaseModelInfo,
    });
    return { body: fromIteration(iteration) };
  },
  async GetIterations({ app, scope }) {
    return { body: (await listIterations(app, scope)).map(fromIteration) };
  },
  async GetIteration({ app, scope, params }) {
    if (params.iterationId === scope.projectId) return { body: fromWorkspace(await getWorkspace(app, scope)) };
    return { body: fromIteration(await getIteration(app, scope, params.iterationId)) };
  },
  async UpdateIteration({ app, scope, params, body }) {
    return { body: fromIteration(await updateIteration(app, scope, params.iterationId, body)) };
  },
  async DeleteIteration({ app, scope, params }) {
    await deleteIteration(app, scope, params.iterationId);
    return nothing;
  },
  async PublishIteration({ app, scope, params, query: { publishName, predictionId, overwrite = false } }) {
    await publishIteration(app, scope, params.iterationId, { publishName, predictionId, overwrite });
    return { body: true };
  },
  async UnpublishIteration({ app, scope, params }) {
    await unpublishIteration(app, scope, params.iterationId);
    return nothing;
  },
  async GetIterationPerformance({ app, scope, params, query }) {
    return {
      body: fromIterationPerformance(await iterationPerformance(app, scope, params.iterationId, query)),
    };
  },
  async GetImagePerformances({ app, scope, params, query, links }) {
    const performances = await imagePerformances(app, scope, params.iterationId, query);
    return { body: performances.map((performance) => fromImagePerformance(performance, links)) };
  },
  async GetImagePerformanceCount({ app, scope, params, query }) {
    return { body: await imagePerformanceCount(app, scope, params.iterationId, query.tagIds) };
  },
  async ExportIteration({ app, scope, params, query, links }) {
    return {
      body: fromExport(
        await exportIteration(app, scope, params.iterationId, query.platform, query.flavor ?? null),
        links,
      ),
    };
  },
  async GetExports({ app, scope, params, links }) {
    return { body: (await listExports(app, scope, params.iterationId)).map((made) => fromExport(made, links)) };
  },
};

/** An address is checked and dropped: this server sends no mail, and keeps none without use. */
function refuseNoAddress(address = ''): void {
  if (address !== '' && !/^[^\s@]+@[^\s@]+$/.test(address))
    throw problem('BadRequestInvalidEmailAddress', expected('an e-mail address', 'notificationEmailAddress', address));
}
