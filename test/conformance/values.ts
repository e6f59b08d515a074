import { detectionDomain } from '../fixtures/detecting.ts';
import type { Parameter, PublishedOperation, PublishedVersion, Schema } from './published.ts';
import { compactDomain, type Json, type Subject, type World } from './world.ts';

/** What a request is made for. */
export interface Place {
  readonly world: World;
  readonly subject: Subject;
  readonly version: PublishedVersion;
  /** What the operation alone gives, by the name of the parameter: a path, a token. */
  readonly own: Readonly<Record<string, string>>;
}

/** One request, before it is written out. */
export interface Request {
  readonly operation: PublishedOperation;
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, unknown>>;
  /** JSON, or the bytes of a picture; `undefined`: none. */
  readonly body: Json;
}

let made = 0;
/** A name nothing has yet. */
const newName = (): string => `named ${++made}`;

type Make = (place: Place, n: number) => unknown;

const box = { left: () => 0.1, top: () => 0.2, width: () => 0.3, height: () => 0.4 } as const;
const nothing: Make = () => undefined;

/**
 * A valid value for every parameter and property of a request, by its name in lower case, or by `definition.name` where
 * that means something else. `undefined`: left out. What is not here is made of its schema.
 */
const values: Readonly<Record<string, Make>> = {
  projectid: ({ subject }) => subject.projectId,
  iterationid: ({ subject }) => subject.iterationId,
  tagid: ({ subject }, n) => subject.tagIds[n],
  tagids: ({ subject }, n) => subject.tagIds[n],
  selectedtags: ({ subject }, n) => (subject.isDetection ? subject.tagIds[n] : undefined),
  imageid: ({ subject }, n) => subject.imageIds[n],
  imageids: ({ subject }, n) => subject.imageIds[n],
  regionids: ({ subject }, n) => subject.regionIds[n],
  ids: ({ subject }, n) => subject.predictionIds[n],
  domainid: ({ subject }) => (subject.isDetection ? detectionDomain : compactDomain),
  publishedname: ({ subject }) => subject.publishedName,
  path: ({ own }) => own.path,
  token: ({ own }) => own.token,

  name: newName,
  publishname: newName,
  description: () => 'Tells more.',
  predictionid: () => '/subscriptions/s/resourceGroups/r/providers/Microsoft.CognitiveServices/accounts/a',
  classificationtype: ({ subject }) => (subject.isDetection ? undefined : 'Multilabel'),
  targetexportplatforms: () => 'ONNX',
  platform: () => 'ONNX',
  // Those published are of platforms that nothing is exported for.
  flavor: nothing,
  type: () => 'Regular',
  trainingtype: () => 'Regular',
  reservedbudgetinhours: () => 0,
  forcetrain: () => true,
  notificationemailaddress: () => 'somebody@example.com',
  application: () => 'tests',
  store: () => true,
  overwrite: () => true,
  allimages: nothing,
  alliterations: () => true,
  threshold: () => 0.5,
  overlapthreshold: () => 0.3,
  take: () => 2,
  skip: () => 1,
  orderby: () => 'Oldest',
  taggingstatus: () => 'All',
  $filter: nothing,
  imagedata: ({ world }) => world.picture(),

  url: ({ world }) => world.pictureUrl(),
  contents: ({ world }) => world.picture().toString('base64'),
  id: ({ subject }, n) => subject.predictionIds[n],
  'predictionquerytag.id': ({ subject }) => subject.tagIds[0],
  minthreshold: () => 0.1,
  maxthreshold: () => 1,
  ...box,
  regions: ({ subject }) => (subject.isDetection ? 'made' : undefined),
  'imageregioncreatebatch.regions': () => 'made',
  metadata: () => ({ weather: 'rain' }),
  isdefault: () => true,
  session: nothing,
  continuation: nothing,
  maxcount: () => 2,
  starttime: () => '2020-01-01T00:00:00Z',
  endtime: () => '2100-01-01T00:00:00Z',
  sortby: () => 'UncertaintyDescending',
  imageprocessingsettings: nothing,
  usenegativeset: nothing,
  status: nothing,
  exportmodelcontaineruri: nothing,
  notificationqueueuri: nothing,
  custombasemodelinfo: ({ subject }) => (subject.isDetection ? 'made' : undefined),
};

/** A valid request: with all parameters, or with those that are required; a body has all it can have. */
export function validRequest(operation: PublishedOperation, place: Place, extent: 'all' | 'required'): Request {
  const value = (parameter: Parameter): unknown =>
    parameter.required || extent === 'all' || (operation.id === 'DeleteImages' && parameter.name === 'imageIds')
      ? make(parameter, parameter.name, '', place, 0)
      : undefined;
  return composed(operation, value);
}

/** The request of a published example: its ids are replaced by ones that exist, by the same rule as above. */
export function exampleRequest(
  operation: PublishedOperation,
  example: Readonly<Record<string, unknown>>,
  place: Place,
): Request {
  return composed(operation, (parameter) => {
    const given = example[parameter.name];
    if (given === undefined && !parameter.required) return undefined;
    return parameter.in === 'formData'
      ? place.world.picture()
      : substituted(parameter.schema ?? parameter, given, parameter.name, '', place, 0);
  });
}

function composed(operation: PublishedOperation, valueFor: (parameter: Parameter) => unknown): Request {
  const path: Record<string, string> = {};
  const query: Record<string, unknown> = {};
  let body: unknown;
  for (const parameter of operation.parameters) {
    const value = valueFor(parameter);
    if (parameter.in === 'path') path[parameter.name] = String(value);
    else if (parameter.in !== 'query') body = value;
    else if (value !== undefined) query[parameter.name] = value;
  }
  return { operation, path, query, body };
}

const nameOf = (schema: Schema): string => schema.$ref?.split('/').at(-1) ?? '';

function make(
  given: Omit<Schema, 'required'> & { readonly schema?: Schema },
  name: string,
  owner: string,
  place: Place,
  n: number,
): unknown {
  const schema = given.schema ?? given;
  const known = values[`${owner}.${name}`.toLowerCase()] ?? values[name.toLowerCase()];
  const { type, items, properties, enum: words } = place.version.resolve(schema);
  if (type === 'array') {
    if (known !== undefined && known(place, n) === undefined) return undefined;
    const entry = make(items!, items!.$ref === undefined ? name : '', owner, place, 0);
    return entry === undefined ? undefined : [entry];
  }
  const value = name === '' ? undefined : known?.(place, n);
  if (name !== '' && known !== undefined && value !== 'made') return value;
  if (properties !== undefined)
    return Object.fromEntries(
      Object.entries(properties)
        .filter(([, part]) => isSent(properties, part))
        .map(([key, part]) => [key, make(part, key, nameOf(schema), place, n)])
        .filter(([, part]) => part !== undefined),
    );
  if (words !== undefined) return words[0];
  throw new Error(`expected a value for ${owner}.${name} in values.ts but there is none`);
}

/** What the service sets itself is not sent; where all of a model is called that, the file is wrong. */
export const isSent = (properties: NonNullable<Schema['properties']>, part: Schema): boolean =>
  part.readOnly !== true || Object.values(properties).every((one) => one.readOnly);

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What an example means to be replaced: ids, `{image contents}`, `..`, addresses, words that stand for a secret. */
const isStandIn = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'string' &&
    (uuid.test(value) || /^\{.*\}$|^<.*>$|^\.*$|^https?:|^token$|^i-|^MyModel/.test(value)));

function substituted(
  schema: Omit<Schema, 'required'>,
  value: unknown,
  name: string,
  owner: string,
  place: Place,
  n: number,
): unknown {
  const { items, properties } = place.version.resolve(schema);
  if (Array.isArray(value))
    return value.map((part, at) => substituted(items!, part, items!.$ref === undefined ? name : '', owner, place, at));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => {
        const known = properties?.[key];
        const kept = known === undefined || !isSent(properties!, known);
        return [key, kept ? part : substituted(known, part, key, nameOf(schema), place, n)];
      }),
    );
  // Those of the examples are real ones.
  if (!isStandIn(value) || name.toLowerCase() === 'domainid') return value;
  // A list that came as one word.
  const one = make(items ?? schema, name, owner, place, n);
  return Array.isArray(one) ? one[0] : one;
}
