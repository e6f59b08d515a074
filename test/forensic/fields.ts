import { randomBytes, randomUUID } from 'node:crypto';
import type { PlainSchema } from '../../src/contract/schema.ts';
import { servedVersions } from '../../src/contract/served.ts';
import type { VersionedOperation } from '../../src/contract/version.ts';
import type { Canary } from './needles.ts';
import { scanBytes } from './scan.ts';
import { type Access, client, noise } from './victim.ts';

/** What exists already, for requests to be about. */
export interface Existing {
  readonly projectId: string;
  /** By the names that the contract gives to ids in addresses, queries and bodies. */
  readonly ids: Readonly<Record<string, string>>;
}

/** What a walk through the contract wrote, and what became of it. */
export interface Walk {
  readonly canaries: readonly Canary[];
  /** Every byte that was sent. */
  readonly sent: Buffer;
  /** Texts the server took, but never shows to their owner again though {@link dropped} does not say so. */
  readonly unshown: readonly string[];
  /** Texts that no version took, though {@link neverTaken} does not say so: of them the walk proves too little. */
  readonly untaken: readonly string[];
  readonly requests: number;
}

/** Texts that are taken and not kept, and why. Any other text must be shown again, or the walk fails. */
export const dropped: Readonly<Record<string, string>> = {
  'CreateImagesFromFiles body.images[].name': 'pictures have no names',
  'ClassifyImageWithNoStore query.application': 'nothing is kept of the request',
  'ClassifyImageUrlWithNoStore query.application': 'nothing is kept of the request',
  'PredictImageWithNoStore query.application': 'nothing is kept of the request',
  'PredictImageUrlWithNoStore query.application': 'nothing is kept of the request',
  'UpdateProject body.settings.imageProcessingSettings.augmentationMethods{name}': 'the names are given',
  'QueryPredictions body.session': 'says where to go on',
  'QueryPredictions body.continuation': 'says where to go on',
};

/** The walk is through a project with a classifier; what detectors keep is kept by the same code. */
const noDetector = 'there is no detector in the walk; it is kept as that of ClassifyImage is';

/** There is none in the walk; it is sealed as the name of the project is. */
const noReceiver = 'must be an address that takes what is sent to it';

/** Texts that are refused unless they are right, and why. Any other must be taken by some version, or the walk fails. */
export const neverTaken: Readonly<Record<string, string>> = {
  'CreateProject query.exportModelContainerUri': noReceiver,
  'CreateProject query.notificationQueueUri': noReceiver,
  'CreateProject body.exportModelContainerUri': noReceiver,
  'CreateProject body.notificationQueueUri': noReceiver,
  'UpdateProject body.settings.exportModelContainerUri': noReceiver,
  'UpdateProject body.settings.notificationQueueUri': noReceiver,
  'GetImages query.$filter': 'must be a condition, and is not kept',
  'GetImageCount query.$filter': 'must be a condition, and is not kept',
  'TrainProject query.notificationEmailAddress': 'the walk has made tags without pictures, which cannot be trained',
  'GetArtifact query.path': 'says which file',
  'DetectImage query.application': noDetector,
  'DetectImageUrl query.application': noDetector,
  'DetectImageWithNoStore query.application': noDetector,
  'DetectImageUrlWithNoStore query.application': noDetector,
  'ImportProject query.name': 'nothing is made without a token',
  'DeleteAccount body.name': 'must be the name of the account',
  'UpdateAccountBackbone body.backbone': 'must be the name of an installed one',
  'UpdateBackbone body.backbone': 'must be the name of an installed one',
};

/** Tokens are secrets the server made: whatever else is there is refused. */
const isToken = (field: string): boolean => field.endsWith(' query.token');

/** A place in a query or body that a client fills. */
interface Leaf {
  readonly path: string;
  readonly schema: PlainSchema;
  /** Whether any text fits there. */
  readonly isText: boolean;
}

/** Values that stand for their form, by name; `undefined`: left out. Texts not named here get a canary as it is. */
const samples: Readonly<Record<string, unknown>> = {
  regions: undefined,
  selectedTags: undefined,
  customBaseModelInfo: undefined,
  domainId: '0732100f-1a38-4e49-a514-c9b44c697ab5',
  flavor: undefined,
  platform: 'ONNX',
  overwrite: true,
  forceTrain: true,
  reservedBudgetInHours: undefined,
  $filter: undefined,
  augmentationMethods: undefined,
  exportModelContainerUri: undefined,
  notificationQueueUri: undefined,
  session: undefined,
  continuation: undefined,
  expires: '2100-01-01T00:00:00Z',
};

/** As the newest version writes it. */
const nameOf = (path: string): string =>
  path
    .split('.')
    .at(-1)!
    .replace('[]', '')
    .replace(/^./, (first) => first.toLowerCase());

/** Every leaf of a schema; names of an object whose names are free are leaves too. */
function* leavesOf(schema: PlainSchema, path: string): Generator<Leaf> {
  const choice = schema.anyOf?.[0];
  const values = Object.values(schema.patternProperties ?? {})[0];
  if (choice !== undefined) yield* leavesOf(choice, path);
  else if (schema.items !== undefined) yield* leavesOf(schema.items, `${path}[]`);
  else if (values !== undefined) {
    yield { path: `${path}{name}`, schema: { type: 'string' }, isText: true };
    yield* leavesOf(values, `${path}{value}`);
  } else if (schema.properties !== undefined)
    for (const [name, part] of Object.entries(schema.properties)) yield* leavesOf(part, `${path}.${name}`);
  else yield { path, schema, isText: schema.type === 'string' && !schema.enum && !schema.format };
}

/** A value of a schema whose leaves `valueAt` fills; `undefined` leaves a part out. */
function fill(schema: PlainSchema, path: string, valueAt: (leaf: Leaf) => unknown, meant: boolean): unknown {
  const choice = schema.anyOf?.[0];
  const values = Object.values(schema.patternProperties ?? {})[0];
  const name = nameOf(path);
  if (meant && name in samples && samples[name] === undefined) return undefined;
  if (choice !== undefined) return fill(choice, path, valueAt, meant);
  if (schema.items !== undefined) {
    const item = fill(schema.items, `${path}[]`, valueAt, meant);
    return item === undefined ? undefined : [item];
  }
  if (values !== undefined) {
    const key = valueAt({ path: `${path}{name}`, schema: { type: 'string' }, isText: true });
    return { [String(key)]: fill(values, `${path}{value}`, valueAt, meant) };
  }
  if (schema.properties !== undefined)
    return Object.fromEntries(
      Object.entries(schema.properties)
        .map(([key, part]) => [key, fill(part, `${path}.${key}`, valueAt, meant)] as const)
        .filter(([, value]) => value !== undefined),
    );
  return valueAt([...leavesOf(schema, path)][0]!);
}

/**
 * Sends every operation of the contract with a canary in each place a client can write to: once as it is meant, once for
 * each place with something there that does not fit, a text that is too long where texts have an end, file names and headers.
 * Whatever deletes is about things that do not exist. A new operation or field is walked through without a word here.
 */
export async function walkFields(
  access: Access,
  existing: Existing,
  pictureAt: (bytes: Buffer, path: string) => string,
  { allVersions }: { readonly allVersions: boolean },
): Promise<Walk> {
  const { ask, sent } = client(access);
  const canaries: Canary[] = [];
  const plant = (kind: string): string => {
    const word = randomBytes(16).toString('hex');
    canaries.push({ kind, bytes: Buffer.from(word) });
    return word;
  };
  const headers = Object.fromEntries(
    ['User-Agent', 'Accept-Language', 'Referer', 'Cookie', 'X-Forwarded-For', 'X-Request-Id'].map((name) => [
      name,
      plant(`header ${name}`),
    ]),
  );
  const ids: Record<string, string> = { ...existing.ids };
  let requests = 0;
  const send = async (method: string, path: string, body?: Buffer | object, more: Record<string, string> = {}) => {
    requests++;
    return ask(method, path, method === 'GET' ? undefined : body, { ...headers, ...more });
  };
  const waiting = new Map<string, string>();
  const shown = new Set<string>();
  const taken = new Set<string>();
  const texts = new Set<string>();
  const settle = (bytes: Buffer): void => {
    for (const [word, field] of waiting)
      if (bytes.includes(word)) {
        shown.add(field);
        waiting.delete(word);
      }
  };

  const walk = async (version: string, operation: VersionedOperation): Promise<void> => {
    const { id, method, query, body, path } = operation;
    const removes = method !== 'GET' && (method === 'DELETE' || /delet|remov|purge/i.test(id));
    const idOf = (name: string): string => {
      if (removes && name !== 'projectId') return randomUUID();
      return ids[name.replace(/s$/, '')] ?? existing.projectId;
    };
    const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    const address = (at: string | undefined, word: string): string =>
      path.replace(/\{(\w+)\}/g, (_, name: string) => {
        if (name === at) return word;
        // The last one names what would go.
        return removes && name === parameters.at(-1) && path.endsWith(`{${name}}`) ? randomUUID() : idOf(name);
      });
    const normal = async ({ schema, path: at, isText }: Leaf): Promise<unknown> => {
      const name = nameOf(at);
      if (name in samples) return samples[name];
      if (schema.enum) return schema.enum[0];
      if (schema.format === 'uuid') return idOf(name === 'id' ? 'predictionId' : name);
      if (schema.format === 'date-time') return '2026-01-01T00:00:00Z';
      if (schema.type === 'integer' || schema.type === 'number') return Math.max(schema.minimum ?? 1, 1);
      if (schema.type === 'boolean') return false;
      if (!isText) throw new Error(`expected a form that is known for ${id} ${at}`);
      const word = plant(`${version} ${id} ${at}`);
      if (name === 'contents') return (await noise(word)).toString('base64');
      if (name === 'url') return pictureAt(await noise(), `${word}?sig=${word}`);
      texts.add(`${id} ${at}`);
      planted.push([word, `${id} ${at}`]);
      return word;
    };
    let planted: [word: string, field: string][] = [];
    const json = body?.kind === 'json' ? body.schema : undefined;
    const leaves = [...leavesOf(query, 'query'), ...(json === undefined ? [] : leavesOf(json, 'body'))];

    /** One request; `odd` is the leaf that holds a text which does not fit. */
    const request = async (odd?: Leaf, word = '', parameter?: string): Promise<number> => {
      planted = [];
      const filled = new Map<string, unknown>();
      for (const leaf of leaves) filled.set(leaf.path, leaf.path === odd?.path ? word : await normal(leaf));
      const valueAt = (leaf: Leaf) => filled.get(leaf.path);
      const asked = fill(query, 'query', valueAt, odd === undefined) as Record<string, unknown>;
      const search = new URLSearchParams(
        Object.entries(asked).flatMap(([name, value]) =>
          [value].flat().map((one): [string, string] => [name, String(one)]),
        ),
      );
      const at = `${address(parameter, word)}?${search}`;
      const content =
        json !== undefined
          ? (fill(json, 'body', valueAt, odd === undefined) as object)
          : body?.kind === 'pictures'
            ? await noise(plant(`${version} ${id} EXIF`))
            : body?.kind === 'stream'
              ? Buffer.from(plant(`${version} ${id} stream`).repeat(64))
              : undefined;
      const { status, bytes } = await send(method, at, content);
      if (odd === undefined && process.env.SEE)
        console.log(status, id, status >= 300 ? bytes.toString().slice(0, 200) : '');
      if (status < 300) {
        for (const [text, field] of planted) {
          taken.add(field);
          waiting.set(text, field);
        }
        settle(bytes);
      }
      return status;
    };

    // An iteration is published once; what is asked of it later goes by its new name.
    if (id === 'PublishIteration') await ask('DELETE', address(undefined, ''));
    await request();
    if (id === 'PublishIteration') ids.publishedName = planted.find(([, field]) => field.endsWith('publishName'))![0];
    if (waiting.size > 0) for (const bytes of await lists(ask, existing.projectId)) settle(bytes);
    for (const leaf of leaves) {
      const most = leaf.schema.maxLength ?? (leaf.isText ? undefined : 0);
      if (most === undefined) continue;
      const word = plant(`${version} ${id} ${leaf.path}, not fitting`);
      await request(leaf, word.repeat(Math.ceil((most + 1) / word.length)));
    }
    for (const name of parameters) await request(undefined, plant(`${version} ${id} {${name}}`), name);
    if (body?.kind === 'pictures') {
      const form = new FormData();
      const picture = new Blob([new Uint8Array(await noise())], { type: 'image/jpeg' });
      form.append(plant(`${version} ${id} name of a part`), picture, `${plant(`${version} ${id} file name`)}.jpg`);
      const encoded = new Response(form);
      const bytes = Buffer.from(await encoded.arrayBuffer());
      await send(method, address(undefined, ''), bytes, { 'Content-Type': encoded.headers.get('content-type')! });
    }
  };

  const newest = new Set<string>();
  for (const { api, version, operations } of servedVersions)
    for (const operation of operations) {
      if (!allVersions && newest.has(operation.id)) continue;
      newest.add(operation.id);
      await walk(`${api} ${version}`, operation);
    }
  for (const key of ['Training-Key', 'Prediction-Key'])
    for (const path of ['/customvision/v3.3/training/projects', '/ownsight/v1/data'])
      await send('GET', path, undefined, { 'Training-Key': '', [key]: plant(`a wrong ${key} for ${path}`) });

  if (waiting.size > 0) {
    const { bytes } = await ask('GET', `/ownsight/v1/projects/${existing.projectId}/takeout`);
    const left = [...waiting].map(([word, kind]) => ({ kind, encoding: 'UTF-8', bytes: Buffer.from(word) }));
    for (const { kind } of await scanBytes({ needles: left, looks: [] }, 'takeout', bytes)) shown.add(kind);
  }
  return {
    canaries,
    sent: sent(),
    unshown: [...taken].filter((field) => !shown.has(field) && dropped[field] === undefined),
    untaken: [...texts].filter((field) => !taken.has(field) && neverTaken[field] === undefined && !isToken(field)),
    requests,
  };
}

/** What the owner is shown of a project and its neighbours. */
async function lists(ask: ReturnType<typeof client>['ask'], projectId: string): Promise<Buffer[]> {
  const training = '/customvision/v3.4-preview/training/projects';
  const answers = [
    await ask('GET', training),
    ...(await Promise.all(
      ['tags', 'images?take=256', 'iterations'].map((list) => ask('GET', `${training}/${projectId}/${list}`)),
    )),
  ];
  return answers.map(({ bytes }) => bytes);
}
