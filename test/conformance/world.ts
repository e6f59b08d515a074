import type { TestContext } from 'node:test';
import { squareLabels, squares } from '../../src/vision/detect/fixture-squares.ts';
import { blots } from '../fixtures/blots.ts';
import { detectionDomain } from '../fixtures/detecting.ts';
import { detectingServer, type InProcessServer } from '../fixtures/detecting-server.ts';
import { type PictureServer, servePictures } from '../fixtures/picture-server.ts';
import { until } from '../fixtures/until.ts';

/** General (compact), for classification. */
export const compactDomain = '0732100f-1a38-4e49-a514-c9b44c697ab5';

// biome-ignore lint/suspicious/noExplicitAny: answers are looked at, not computed with
export type Json = any;

/** How to ask, beside the address. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}
/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A project with what hangs on it: what the ids of a request may name. */
export interface Subject {
  readonly projectId: string;
  readonly isDetection: boolean;
  readonly tagIds: readonly string[];
  readonly imageIds: readonly string[];
  readonly untaggedIds: readonly string[];
  readonly regionIds: readonly string[];
  readonly predictionIds: readonly string[];
  readonly iterationId: string;
  readonly publishedName: string;
}

/** A server with something of everything in it. */
export interface World {
  readonly server: InProcessServer;
  /** Classification: trained, published as `live` and the default one, with untagged images, suggestions, stored predictions, an export. */
  readonly trained: Subject;
  /** Object detection: trained and published as `live`, changed since. */
  readonly detecting: Subject;
  /** A new project with nothing in it but two tags. */
  fresh(kind: ProjectKind): Promise<Subject>;
  /** The project, seen as one that has only these new things, beside the tags it had unless there are new ones. */
  furnish(subject: Subject, things: Things): Promise<Subject>;
  /** Pictures no project here has got, one after the other. */
  picture(): Buffer;
  /** The address of such a picture. */
  pictureUrl(): string;
  /** Asks for a path in the newest version of the Training API, which must not refuse; its JSON. */
  hub(method: string, path: string, body?: unknown): Promise<Json>;
  /** Predicts a picture and stores it with the answer; the prediction's id. */
  predict(subject: Subject): Promise<string>;
  /** Asks for a path from the root, with the keys unless others are given. */
  ask(path: string, options?: Ask): Promise<Answer>;
}

/** How many of each to make. */
export interface Things {
  readonly tags?: number;
  /** Images that carry the first tag, in a region where there are such. */
  readonly tagged?: number;
  readonly untagged?: number;
}
/** What a project is for. */
export type ProjectKind = 'classification' | 'detection';

/** Makes a {@link World}: a few seconds. From then on nothing is trained or looked at in the background. */
export async function createWorld(t: Pick<TestContext, 'after'>): Promise<World> {
  const server = await detectingServer(t);
  const pictures = await blots(100, 3, 20);
  const files = new Map(pictures.map(({ bytes }, n) => [`${n}.png`, bytes]));
  const web: PictureServer = await servePictures(files);
  t.after(() => web.close());
  let next = 0;
  const number = (): number => next++ % pictures.length;

  async function ask(path: string, { method = 'GET', headers, body }: Ask = {}): Promise<Answer> {
    const keys = { 'Training-Key': server.trainingKey, 'Prediction-Key': server.predictionKey };
    const answer = await fetch(`${server.endpoint}${path}`, {
      method,
      headers: { ...keys, ...headers },
      ...(body !== undefined && { body: body as string }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }
  async function must(path: string, options: Ask): Promise<Json> {
    const { status, text } = await ask(path, options);
    if (status >= 300) throw new Error(`${options.method} ${path}: ${status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
  const hub = (method: string, path: string, body?: unknown): Promise<Json> =>
    must(`/customvision/v3.4-preview/training/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  const predict = async ({ projectId, isDetection }: Subject): Promise<string> => {
    const path = `${projectId}/${isDetection ? 'detect' : 'classify'}/iterations/live/image`;
    const { id } = await must(`/customvision/v3.1/prediction/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: pictures[number()]!.bytes,
    });
    return id as string;
  };

  let [projects, tagNames] = [0, 0];
  async function project(kind: ProjectKind, names: readonly string[]) {
    const domain = kind === 'detection' ? detectionDomain : compactDomain;
    const type = kind === 'detection' ? '' : '&classificationType=Multilabel';
    const { id } = await hub('POST', `projects?name=${kind}%20${++projects}&domainId=${domain}${type}`);
    const tagIds: string[] = [];
    for (const name of names) tagIds.push((await hub('POST', `projects/${id}/tags?name=${name}`)).id);
    return { projectId: id as string, tagIds };
  }
  async function upload(projectId: string, images: readonly object[]): Promise<Json[]> {
    const made: Json[] = [];
    for (let at = 0; at < images.length; at += 64) {
      const summary = await hub('POST', `projects/${projectId}/images/files`, { images: images.slice(at, at + 64) });
      made.push(...summary.images.map(({ image }: Json) => image));
    }
    return made;
  }
  const idsOf = (images: readonly Json[]): string[] => images.map(({ id }) => id);
  const contents = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  async function trained(projectId: string): Promise<string> {
    const { id } = await hub('POST', `projects/${projectId}/train`);
    const path = `projects/${projectId}/iterations/${id}`;
    await until(
      () => hub('GET', path),
      ({ status }) => status !== 'Training',
    );
    await hub('POST', `${path}/publish?publishName=live&predictionId=resource`);
    return id;
  }

  async function classification(): Promise<Subject> {
    const { projectId, tagIds } = await project('classification', ['red', 'green', 'blue']);
    const tagged = pictures
      .slice(-18)
      .map(({ kind, bytes }) => ({ contents: contents(bytes), tagIds: [tagIds[kind]] }));
    const imageIds = idsOf(await upload(projectId, tagged));
    const untagged = pictures.slice(-22, -18).map(({ bytes }) => ({ contents: contents(bytes) }));
    const untaggedIds = idsOf(await upload(projectId, untagged));
    const iterationId = await trained(projectId);
    await must(`/customvision/v2.2/Training/projects/${projectId}/iterations/${iterationId}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'First', isDefault: true }),
    });
    const subject = { projectId, isDetection: false, tagIds, imageIds, untaggedIds, regionIds: [], iterationId };
    const path = `projects/${projectId}`;
    await hub('POST', `${path}/tagsandregions/suggestions?iterationId=${iterationId}&imageIds=${untaggedIds[0]}`);
    await hub('POST', `${path}/iterations/${iterationId}/export?platform=ONNX`);
    await until(
      () => hub('GET', `${path}/iterations/${iterationId}/export`),
      ([made]) => made.status === 'Done',
    );
    const whole = { ...subject, predictionIds: [], publishedName: 'live' };
    return { ...whole, predictionIds: [await predict(whole), await predict(whole)] };
  }
  async function detection(): Promise<Subject> {
    const { projectId, tagIds } = await project('detection', squareLabels);
    const images = Array.from({ length: 32 }, (_, n) => squares(n, 96)).map(({ bytes, marked }) => ({
      contents: contents(bytes),
      regions: marked.map(({ label, ...box }) => ({ tagId: tagIds[label], ...box })),
    }));
    const made = (await upload(projectId, images)).filter((one) => one.regions?.length > 0);
    const iterationId = await trained(projectId);
    // So that it can be trained again.
    await hub('DELETE', `projects/${projectId}/images?imageIds=${made.pop().id}`);
    const subject = {
      projectId,
      isDetection: true,
      tagIds,
      imageIds: idsOf(made),
      untaggedIds: [],
      regionIds: made.flatMap(({ regions }) => regions.map((one: Json) => one.regionId)),
      predictionIds: [],
      iterationId,
      publishedName: 'live',
    };
    return { ...subject, predictionIds: [await predict(subject), await predict(subject)] };
  }
  async function fresh(kind: ProjectKind): Promise<Subject> {
    const none = {
      imageIds: [],
      untaggedIds: [],
      regionIds: [],
      predictionIds: [],
      iterationId: '',
      publishedName: '',
    };
    return { ...none, ...(await project(kind, ['one', 'two'])), isDetection: kind === 'detection' };
  }
  async function furnish(subject: Subject, { tags = 0, tagged = 0, untagged = 0 }: Things): Promise<Subject> {
    const { projectId, isDetection } = subject;
    const made: string[] = [];
    for (let n = 0; n < tags; n++)
      made.push((await hub('POST', `projects/${projectId}/tags?name=tag%20${++tagNames}`)).id);
    const tagIds = tags === 0 ? subject.tagIds : made;
    const box = { tagId: tagIds[0], left: 0.25, top: 0.25, width: 0.5, height: 0.5 };
    const labels = isDetection ? { regions: [box] } : { tagIds: [tagIds[0]] };
    const entries = Array.from({ length: tagged + untagged }, (_, n) => ({
      contents: contents(pictures[number()]!.bytes),
      ...(n < tagged && labels),
    }));
    const images = entries.length === 0 ? [] : await upload(projectId, entries);
    const regionIds = images.flatMap(({ regions = [] }) => regions.map((one: Json) => one.regionId));
    const imageIds = idsOf(images);
    return { ...subject, tagIds, imageIds, untaggedIds: imageIds.slice(tagged), regionIds };
  }

  const [classifying, detecting] = await Promise.all([classification(), detection()]);
  await server.work([]);
  return {
    server,
    trained: classifying,
    detecting,
    fresh,
    furnish,
    picture: () => pictures[number()]!.bytes,
    pictureUrl: () => web.url(`${number()}.png`),
    hub,
    predict,
    ask,
  };
}
