import { once } from 'node:events';
import { createConnection } from 'node:net';
import sharp from 'sharp';
import { AppError } from '../../src/base/errors.ts';
import { limits } from '../../src/domain/limits.ts';
import { type ProblemCode, problems } from '../../src/domain/problems.ts';
import type { OwnCode } from '../../src/domain/unreachable.ts';
import { createServer } from '../../src/http/server.ts';
import { createAccount, viewKeys } from '../../src/services/accounts.ts';
import { labelsFault } from '../../src/services/importing/files.ts';
import { addNamedKey } from '../../src/services/named-keys.ts';
import { countingPrediction, requireRoom } from '../../src/services/tiers.ts';
import type { Json, World } from './world.ts';

/** What was refused: status and code. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
}
type Raise = (world: World) => Promise<Refusal>;

const training = '/customvision/v3.4-preview/training';
const prediction = '/customvision/v3.1/prediction';
const unknown = '0f0f0f0f-1111-4222-8333-444444444444';
const many = (count: number): string => Array.from({ length: count }, () => unknown).join();
const long = 'x'.repeat(3000);

interface Sent {
  readonly method?: string;
  readonly json?: unknown;
  readonly bytes?: Uint8Array | string;
  readonly type?: string;
  readonly key?: string;
}

/** Asks for a path from the root. */
async function asked(world: World, path: string, { method, json, bytes, type, key }: Sent = {}): Promise<Refusal> {
  const body = json === undefined ? bytes : JSON.stringify(json);
  const mediaType = type ?? (json === undefined ? 'application/octet-stream' : 'application/json');
  const { status, text } = await world.ask(path, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body !== undefined && { 'content-type': mediaType }),
      ...(key !== undefined && { 'Training-Key': key }),
    },
    ...(body !== undefined && { body }),
  });
  return { status, code: status < 300 ? text : JSON.parse(text).code };
}

/** Asks the Training API. */
const ask =
  (path: string, sent?: Sent): Raise =>
  (world) =>
    asked(world, `${training}/${path}`, sent);
const post = (path: string, json?: unknown): Raise =>
  ask(path, { method: 'POST', ...(json !== undefined && { json }) });
/** Asks below the trained project; `{it}` is its iteration. */
const inProject =
  (path: string, sent?: Sent): Raise =>
  (world) => {
    const { projectId, iterationId } = world.trained;
    return asked(world, `${training}/projects/${projectId}/${path.replace('{it}', iterationId)}`, sent);
  };
const postIn = (path: string, json?: unknown): Raise =>
  inProject(path, { method: 'POST', ...(json !== undefined && { json }) });
const patchProject =
  (settings: unknown): Raise =>
  (world) =>
    asked(world, `${training}/projects/${world.trained.projectId}`, { method: 'PATCH', json: { settings } });
/** Quick tests bytes as a picture. */
const tried = (bytes: Uint8Array | string): Raise => inProject('quicktest/image', { bytes });

/** A refusal of a service, for what takes too much to bring about over HTTP. */
async function refused(work: Promise<unknown>): Promise<Refusal> {
  try {
    return { status: 200, code: String(await work) };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { status: problems[error.code as ProblemCode][0], code: error.code };
  }
}
const beyond =
  (what: Parameters<typeof requireRoom>[2]): Raise =>
  (world) =>
    onFreeAccount(world, ({ app, id }) => refused(requireRoom(app.db.query, id, what, async () => 5000)));

/** Works with an account of the tier F0. */
export async function onFreeAccount<T>(
  { server: { app } }: World,
  work: (account: { app: World['server']['app']; id: string; key: string }) => Promise<T>,
): Promise<T> {
  const { id } = await createAccount(app, { userName: `free ${app.clock.now()}`, tier: 'F0' });
  return work({ app, id, key: (await viewKeys(app, id, 'start')).training.primary });
}

/** Begins a training of the detector, which nobody does here, asks, and cancels it. */
const whileTraining =
  (work: (world: World, path: string) => Promise<Refusal>): Raise =>
  async (world) => {
    const project = `projects/${world.detecting.projectId}`;
    const { id } = await world.hub('POST', `${project}/train?forceTrain=true`);
    const path = `${project}/iterations/${id}`;
    const refusal = await work(world, `${training}/${path}`);
    await world.hub('DELETE', path);
    return refusal;
  };

/** Trains a project from an iteration. */
const trainFrom = (
  world: World,
  projectId: string,
  base: { readonly projectId: string; readonly iterationId: string },
): Promise<Refusal> => {
  const customBaseModelInfo = { projectId: base.projectId, iterationId: base.iterationId };
  return post(`projects/${projectId}/train`, { customBaseModelInfo })(world);
};

/** Asks for the workspace as if it were an iteration: it has the project's id. */
const onWorkspace =
  (method: string, json?: unknown): Raise =>
  (world) =>
    inProject(`iterations/${world.trained.projectId}`, { method, ...(json !== undefined && { json }) })(world);

/** Opens a connection, has the server begin to end while a request is on it, and asks for something more. */
async function askEnding({ server }: World): Promise<Refusal> {
  const ending = await createServer(server.app);
  const { port, hostname } = new URL(await ending.listen({ host: '127.0.0.1', port: 0 }));
  const socket = createConnection({ port: Number(port), host: hostname });
  const head = (method: string, more: string): string =>
    `${method} ${training}/projects HTTP/1.1\r\nHost: x\r\nTraining-Key: ${server.trainingKey}\r\n${more}\r\n`;
  socket.write(head('POST', 'Content-Length: 2\r\nExpect: 100-continue\r\n'));
  // "100 Continue": the first request is being read.
  await once(socket, 'data');
  const ended = ending.close();
  socket.write(`{}${head('GET', '')}`);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  await ended;
  const answer = Buffer.concat(chunks).toString();
  const last = answer.slice(answer.lastIndexOf('HTTP/1.1'));
  return { status: Number(last.split(' ')[1]), code: JSON.parse(last.slice(last.indexOf('\r\n\r\n'))).code };
}

/** How each code of Azure's that this server answers comes about. Total: a code without a way to it does not compile. */
export const raising: Readonly<Record<Exclude<ProblemCode, OwnCode>, Raise>> = {
  BadRequest: inProject('images?take=many'),
  BadRequestExceededBatchSize: inProject(`images/id?imageIds=${many(257)}`),
  BadRequestNotSupported: postIn('train', { selectedTags: [unknown] }),
  BadRequestInvalidIds: inProject('images?tagIds=none'),
  BadRequestInvalid: (world) =>
    postIn(`images/suggested?iterationId=${world.trained.iterationId}`, { continuation: 'none' })(world),

  BadRequestProjectName: post('projects?name='),
  BadRequestProjectNameNotUnique: async (world) => {
    const { name } = await world.hub('GET', `projects/${world.trained.projectId}`);
    return post(`projects?name=${encodeURIComponent(name)}`)(world);
  },
  BadRequestProjectDescription: post(`projects?name=x&description=${long}`),
  BadRequestProjectUnknownDomain: post(`projects?name=x&domainId=${unknown}`),
  BadRequestProjectUnknownClassification: post('projects?name=x&classificationType=Odd'),
  BadRequestProjectUnsupportedExportPlatform: post('projects?name=x&targetExportPlatforms=Odd'),
  BadRequestProjectUnsupportedDomainTypeChange: patchProject({ domainId: 'da2e3a8a-40a5-4171-82f4-58522f70fbc1' }),
  BadRequestProjectImagePreprocessingSettings: patchProject({
    imageProcessingSettings: { augmentationMethods: { odd: true } },
  }),
  BadRequestInvalidUri: patchProject({ notificationQueueUri: 'nowhere' }),
  BadRequestExceedProjectLimit: (world) =>
    onFreeAccount(world, async ({ key }) => {
      const make = (name: string) => asked(world, `${training}/projects?name=${name}`, { method: 'POST', key });
      for (const name of ['one', 'two']) await make(name);
      return make('three');
    }),
  BadRequestExceedIterationPerProjectLimit: beyond('iterations'),
  BadRequestExceedTagPerProjectLimit: beyond('tags'),
  BadRequestImageExceededCount: beyond('images'),
  BadRequestExceededQuota: (world) =>
    onFreeAccount(world, async ({ app, id }) => {
      const predict = () => countingPrediction(app, id, 1, async () => 'answered');
      await predict();
      return refused(predict());
    }),
  Conflict: async (world) => {
    const { projectId } = await world.fresh('classification');
    const set = (status: 'Importing' | 'Succeeded') =>
      world.server.app.db.query.updateTable('projects').set({ status }).where('id', '=', projectId).execute();
    await set('Importing');
    const refusal = await ask(`projects/${projectId}/tags`)(world);
    await set('Succeeded');
    return refusal;
  },

  BadRequestExportWhileTraining: whileTraining((world) => ask(`projects/${world.detecting.projectId}/export`)(world)),
  // Its promise to forget pictures could not be kept.
  BadRequestIterationValidationFailed: async (world) => {
    const { projectId, iterationId } = world.detecting;
    const set = (rebuild: 'Failed' | null) =>
      world.server.app.db.query.updateTable('iterations').set({ rebuild }).where('id', '=', iterationId).execute();
    await set('Failed');
    const refusal = await ask(`projects/${projectId}/export`)(world);
    await set(null);
    return refusal;
  },
  BadRequestInvalidImportToken: post('projects/import?token=nothing'),
  // Nobody answers there.
  ErrorProjectImportRequestFailed: async (world) => {
    const { token } = await world.hub('GET', `projects/${world.trained.projectId}/export`);
    const nowhere = new URL(token.replace(/prjexp-[0-9a-f]{4}/, 'prjexp-0f0f'));
    nowhere.port = '1';
    return post(`projects/import?token=${encodeURIComponent(nowhere.href)}`)(world);
  },

  BadRequestTagName: postIn('tags?name='),
  BadRequestTagNameNotUnique: postIn('tags?name=red'),
  BadRequestTagDescription: postIn(`tags?name=x&description=${long}`),
  BadRequestTagType: postIn('tags?name=x&type=Odd'),
  BadRequestMultipleNegativeTag: (world) => twoTags(world, 'classification', 'Negative'),
  BadRequestMultipleGeneralProductTag: (world) => twoTags(world, 'detection', 'GeneralProduct'),

  BadRequestImageBatch: postIn('images/files', { images: [] }),
  BadRequestImageStream: inProject('images', { bytes: '', method: 'POST' }),
  BadRequestImageUrl: postIn('quicktest/url', { url: 'file:///etc/passwd' }),
  BadRequestImageFormat: tried('no picture'),
  BadRequestImageSizeBytes: (world) => tried(Buffer.concat([world.picture(), Buffer.alloc(7 * 1024 * 1024)]))(world),
  BadRequestImageDimensions: async (world) => {
    const create = { width: limits.imageSide + 1, height: 1, channels: 3, background: 'white' } as const;
    return tried(await sharp({ create }).png().toBuffer())(world);
  },
  BadRequestImageRegions: (world) =>
    postIn('images/regions', {
      regions: [
        { imageId: world.trained.imageIds[0], tagId: world.trained.tagIds[0], left: 0, top: 0, width: 1, height: 1 },
      ],
    })(world),
  // Only files of labels have such: `ownsight import` reports it.
  BadRequestImageTags: async () => {
    const { code } = labelsFault('labels.json', 'expected JSON');
    return { status: problems[code as ProblemCode][0], code };
  },
  BadRequestNegativeAndRegularTagOnSameImage: async (world) => {
    const { projectId, tagIds, untaggedIds } = await world.furnish(await world.fresh('classification'), {
      untagged: 1,
    });
    const [imageId] = untaggedIds;
    const negative = await world.hub('POST', `projects/${projectId}/tags?name=none&type=Negative`);
    const tags = [negative.id, tagIds[0]].map((tagId) => ({ imageId, tagId }));
    return post(`projects/${projectId}/images/tags`, { tags })(world);
  },
  BadRequestRequiredParamIsNull: postIn('tags'),
  BadRequestImageMetadataKey: (world) => metadata(world, { [long]: 'x' }),
  BadRequestImageMetadataValue: (world) => metadata(world, { x: long }),
  BadRequestInvalidArtifactUri: inProject('artifacts?path=nothing'),
  UnsupportedMediaType: inProject('images/urls', { bytes: '<a/>', type: 'application/xml' }),

  BadRequestTrainingNotNeeded: postIn('train'),
  BadRequestTrainingValidationFailed: async (world) => {
    const { projectId } = await world.fresh('classification');
    return post(`projects/${projectId}/train`)(world);
  },
  BadRequestMultiClassClassificationTrainingValidationFailed: (world) => tooFew(world, 'Multiclass'),
  BadRequestMultiLabelClassificationTrainingValidationFailed: (world) => tooFew(world, 'Multilabel'),
  BadRequestDetectionTrainingValidationFailed: async (world) => {
    const { projectId } = await world.fresh('detection');
    return post(`projects/${projectId}/train`)(world);
  },
  // Such a tag cannot be made in a detection project, only be there from an archive.
  BadRequestDetectionTrainingNotAllowNegativeTag: async (world) => {
    const { projectId, tagIds } = await world.furnish(await world.fresh('detection'), { tagged: 1 });
    const tags = world.server.app.db.query.updateTable('tags').set({ type: 'Negative' });
    await tags.where('id', '=', tagIds[0]!).execute();
    return post(`projects/${projectId}/train`)(world);
  },
  BadRequestTrainingAlreadyInProgress: whileTraining((world) =>
    post(`projects/${world.detecting.projectId}/train`)(world),
  ),
  BadRequestCustomBaseModelIterationStatusNotCompleted: whileTraining((world, path) =>
    trainFrom(world, world.trained.projectId, {
      projectId: world.detecting.projectId,
      iterationId: path.split('/').at(-1)!,
    }),
  ),
  BadRequestCustomBaseModelDomainNotCompatible: (world) => trainFrom(world, world.detecting.projectId, world.trained),
  BadRequestCustomBaseModelArchitectureRetired: async (world) => {
    const learnedOn = (backbone: string | null) =>
      world.server.app.db.query
        .updateTable('iterations')
        .set({ backbone })
        .where('id', '=', world.trained.iterationId)
        .execute();
    await learnedOn(`gone@${'0'.repeat(64)}`);
    const refusal = await trainFrom(world, world.trained.projectId, world.trained);
    await learnedOn(null);
    return refusal;
  },
  BadRequestInvalidEmailAddress: postIn('train?notificationEmailAddress=nobody'),
  BadRequestReservedBudgetInHoursNotEnoughForAdvancedTraining: postIn('train?trainingType=Advanced'),

  BadRequestIterationName: inProject('iterations/{it}', { method: 'PATCH', json: { name: '' } }),
  BadRequestIterationNameNotUnique: whileTraining(async (world, path) => {
    const [, first] = await world.hub('GET', `projects/${world.detecting.projectId}/iterations`);
    return asked(world, path, { method: 'PATCH', json: { name: first.name } });
  }),
  BadRequestIterationIsNotTrained: whileTraining((world, path) =>
    asked(world, `${path}/publish?publishName=x&predictionId=x`, { method: 'POST' }),
  ),
  BadRequestIterationIsPublished: inProject('iterations/{it}', { method: 'DELETE' }),
  BadRequestIterationNotPublished: whileTraining((world, path) =>
    asked(world, `${path}/publish`, { method: 'DELETE' }),
  ),
  BadRequestWorkspaceCannotBeModified: onWorkspace('PATCH', { name: 'x' }),
  BadRequestWorkspaceNotDeletable: onWorkspace('DELETE'),
  BadRequestInvalidPublishName: postIn('iterations/{it}/publish?publishName=&predictionId=x'),
  BadRequestInvalidPublishTarget: postIn('iterations/{it}/publish?publishName=x&predictionId='),
  BadRequestExportValidationFailed: postIn('iterations/{it}/export?platform=VAIDK'),
  BadRequestExportAlreadyInProgress: postIn('iterations/{it}/export?platform=ONNX'),
  NotFoundIterationPerformance: whileTraining((world, path) => asked(world, `${path}/performance`)),

  BadRequestPredictionIdsMissing: inProject('predictions?ids=,', { method: 'DELETE' }),
  BadRequestPredictionIdsExceededCount: inProject(`predictions?ids=${many(65)}`, { method: 'DELETE' }),
  BadRequestPredictionTagsExceededCount: postIn('predictions/query', { tags: [1, 2, 3].map(() => ({ id: unknown })) }),
  BadRequestPredictionInvalidQueryParameters: postIn('predictions/query', { continuation: 'none' }),
  BadRequestPredictionInvalidApplicationName: (world) =>
    asked(world, `${prediction}/${world.trained.projectId}/classify/iterations/live/image?application=${long}`, {
      bytes: world.picture(),
    }),
  BadRequestOperationNotSupported: (world) =>
    asked(world, `${prediction}/${world.trained.projectId}/detect/iterations/live/image`, { bytes: world.picture() }),
  ErrorPredictionServiceUnavailable: askEnding,

  ForbiddenUserInsufficientCapability: (world) =>
    onFreeAccount(world, async ({ app, id }) => {
      const { secret = '' } = await addNamedKey(app, id, { name: 'looks', role: 'reader' });
      return asked(world, `${training}/projects?name=no`, { method: 'POST', key: secret });
    }),
  Forbidden: (world) =>
    asked(
      world,
      `/i-${world.trained.projectId.replaceAll('-', '')}/i-${world.trained.imageIds[0]!.replaceAll('-', '')}?sig=x`,
    ),
  NotFound: (world) => asked(world, '/nowhere'),
  NotFoundProject: ask(`projects/${unknown}`),
  NotFoundIteration: inProject(`iterations/${unknown}`),
  NotFoundTag: inProject(`tags/${unknown}`),
  NotFoundImage: postIn(`images/tags`, { tags: [{ imageId: unknown, tagId: unknown }] }),
  NotFoundDomain: ask(`domains/${unknown}`),
  NotFoundProjectDefaultIteration: (world) =>
    asked(world, `/customvision/v2.0/Prediction/${world.detecting.projectId}/image`, { bytes: world.picture() }),

  // What is stored is no longer what was written.
  ErrorUnknown: async (world) => {
    const { projectId, tagIds } = await world.fresh('classification');
    const tags = world.server.app.db.query.updateTable('tags').set({ name: Buffer.from('spoilt') });
    await tags.where('id', '=', tagIds[0]!).execute();
    return ask(`projects/${projectId}/tags/${tagIds[0]}`)(world);
  },
};

async function twoTags(world: World, kind: 'classification' | 'detection', type: string): Promise<Refusal> {
  const { projectId } = await world.fresh(kind);
  await world.hub('POST', `projects/${projectId}/tags?name=x&type=${type}`);
  return post(`projects/${projectId}/tags?name=y&type=${type}`)(world);
}

async function tooFew(world: World, classificationType: string): Promise<Refusal> {
  const subject = await world.furnish(await world.fresh('classification'), { tagged: 1 });
  await world.hub('PATCH', `projects/${subject.projectId}`, { settings: { classificationType } });
  return post(`projects/${subject.projectId}/train`)(world);
}

const metadata = async (world: World, pairs: Json): Promise<Refusal> =>
  postIn(`images/metadata?imageIds=${world.trained.imageIds[0]}`, pairs)(world);
