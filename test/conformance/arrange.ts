import { deleteExport, listExports } from '../../src/services/exporting.ts';
import type { Json, ProjectKind, Subject, Things, World } from './world.ts';

/** What an operation is called on. */
export interface Arranged {
  readonly subject: Subject;
  readonly own?: Readonly<Record<string, string>>;
  /** Puts back what the call changed, given what it answered. */
  readonly after?: (answer: Json) => Promise<unknown>;
}

/** A project of each kind where things are made and deleted. */
type Scratch = (kind: ProjectKind) => Promise<Subject>;
type Arrange = (world: World, scratch: Scratch) => Promise<Arranged>;

/** On new things of a scratch project. */
const onNew =
  (kind: ProjectKind, things: Things = {}): Arrange =>
  async (world, scratch) => ({ subject: await world.furnish(await scratch(kind), things) });
/** On a project of its own, which is gone afterwards: names of examples are the same in every version. */
const onOwn: Arrange = async (world) => {
  const subject = await world.fresh('classification');
  return { subject, after: () => world.hub('DELETE', `projects/${subject.projectId}`).catch(() => undefined) };
};
const onDetector: Arrange = async ({ detecting }) => ({ subject: detecting });
const withPredictions =
  (count: number): Arrange =>
  async (world) => {
    const predictionIds: string[] = [];
    for (let n = 0; n < count; n++) predictionIds.push(await world.predict(world.trained));
    return { subject: { ...world.trained, predictionIds } };
  };
const publication = ({ projectId, iterationId }: Subject): string =>
  `projects/${projectId}/iterations/${iterationId}/publish`;
const publishAgain = async ({ hub, trained }: World): Promise<void> => {
  await hub('DELETE', publication(trained)).catch(() => undefined);
  await hub('POST', `${publication(trained)}?publishName=live&predictionId=resource`);
};

/** What operations need that change what they are called on; all others are called on the trained classifier. */
const arrangements: Readonly<Record<string, Arrange>> = {
  UpdateProject: onOwn,
  DeleteProject: onOwn,
  CreateTag: onNew('classification'),
  UpdateTag: onNew('classification', { tags: 1 }),
  DeleteTag: onNew('classification', { tags: 1 }),
  CreateImagesFromData: onNew('classification'),
  CreateImagesFromFiles: onNew('detection'),
  CreateImagesFromUrls: onNew('detection'),
  DeleteImages: onNew('classification', { untagged: 2 }),
  UpdateImageMetadata: onNew('classification', { untagged: 1 }),
  CreateImageTags: onNew('classification', { untagged: 1 }),
  PostImageTags: onNew('classification', { untagged: 1 }),
  DeleteImageTags: onNew('classification', { tagged: 2 }),
  CreateImageRegions: onNew('detection', { untagged: 2 }),
  DeleteImageRegions: onNew('detection', { tagged: 1 }),
  CreateImagesFromPredictions: withPredictions(1),
  DeletePrediction: withPredictions(2),
  GetImageRegionProposals: onDetector,
  DetectImage: onDetector,
  DetectImageWithNoStore: onDetector,
  DetectImageUrl: onDetector,
  DetectImageUrlWithNoStore: onDetector,
  async CreateProject({ hub, trained }) {
    return { subject: trained, after: ({ id, Id }) => hub('DELETE', `projects/${id ?? Id}`) };
  },
  async TrainProject({ hub, detecting }) {
    const path = `projects/${detecting.projectId}/iterations`;
    return { subject: detecting, after: ({ id, Id }) => hub('DELETE', `${path}/${id ?? Id}`) };
  },
  async DeleteIteration({ hub, detecting }) {
    const { id } = await hub('POST', `projects/${detecting.projectId}/train?forceTrain=true`);
    const path = `projects/${detecting.projectId}/iterations/${id}`;
    return { subject: { ...detecting, iterationId: id }, after: () => hub('DELETE', path).catch(() => undefined) };
  },
  async PublishIteration(world) {
    await world.hub('DELETE', publication(world.trained));
    return { subject: world.trained, after: () => publishAgain(world) };
  },
  UnpublishIteration: async (world) => ({ subject: world.trained, after: () => publishAgain(world) }),
  async ExportIteration({ server: { app, accountId }, detecting }) {
    const { projectId, iterationId } = detecting;
    const scope = { accountId, projectId };
    for (const { id } of await listExports(app, scope, iterationId)) await deleteExport(app, scope, iterationId, id);
    return { subject: detecting };
  },
  async GetArtifact({ hub, trained }) {
    const [image] = await hub('GET', `projects/${trained.projectId}/images?take=1`);
    return { subject: trained, own: { path: new URL(image.originalImageUri).pathname.slice(1) } };
  },
  async ImportProject({ hub, trained }) {
    const { token } = await hub('GET', `projects/${trained.projectId}/export`);
    return { subject: trained, own: { token }, after: ({ id }) => hub('DELETE', `projects/${id}`) };
  },
};

/** Makes what an operation of one version needs to be there, once for each call. */
export function createArranger(world: World): (operation: string) => Promise<Arranged> {
  const made = new Map<ProjectKind, Promise<Subject>>();
  const scratch: Scratch = (kind) => {
    const subject = made.get(kind) ?? world.fresh(kind);
    made.set(kind, subject);
    return subject;
  };
  return async (operation) => (await arrangements[operation]?.(world, scratch)) ?? { subject: world.trained };
}
