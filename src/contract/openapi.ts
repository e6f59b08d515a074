import { keyHeaders, keyPurposes } from './operation.ts';
import type { PlainSchema } from './schema.ts';
import { servedVersions } from './served.ts';
import type { ServedVersion, VersionedOperation } from './version.ts';

type Json = Record<string, unknown>;

/**
 * The OpenAPI 3.1 document of every operation of every version served. Models that differ between versions carry the
 * version in their name.
 */
export function openApi(): Json {
  const components = createComponents();
  const paths: Record<string, Json> = {};
  for (const served of servedVersions) {
    for (const operation of served.operations) {
      paths[operation.path] = {
        ...paths[operation.path],
        [operation.method.toLowerCase()]: describe(served, operation, components.use),
      };
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ownsight',
      version: '1',
      description: 'The Azure Custom Vision API, and what it never had: to see, take away and erase all that is held.',
    },
    tags: servedVersions.map((served) => ({ name: tagOf(served) })),
    paths,
    components: {
      schemas: components.all,
      securitySchemes: {
        ...Object.fromEntries(
          Object.entries(keyHeaders).map(([api, name]) => [api, { type: 'apiKey', in: 'header', name }]),
        ),
        subscription: { type: 'apiKey', in: 'header', name: 'Ocp-Apim-Subscription-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  };
}

const tagOf = ({ api, version }: ServedVersion): string =>
  `${{ training: 'Training', prediction: 'Prediction', ownsight: 'Ownsight' }[api]} v${version}`;

function describe(
  served: ServedVersion,
  operation: VersionedOperation,
  use: (schema: PlainSchema, version: string) => Json,
): Json {
  const model = (schema: PlainSchema): Json => use(schema, served.version);
  const { body, reply, query } = operation;
  const content =
    body?.kind === 'json'
      ? { 'application/json': { schema: model(body.schema) } }
      : body?.kind === 'stream'
        ? { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }
        : {
            'multipart/form-data': {
              schema: { type: 'object', properties: { imageData: { type: 'string', format: 'binary' } } },
            },
            'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
          };
  const answer =
    reply === undefined
      ? {}
      : {
          content:
            reply === 'events'
              ? { 'text/event-stream': {} }
              : typeof reply === 'string'
                ? { 'application/octet-stream': {} }
                : { 'application/json': { schema: model(reply) } },
        };
  return {
    operationId: `${operation.id}-${served.api}-v${served.version}`,
    summary: operation.summary,
    tags: [tagOf(served)],
    security: operation.open ? [] : [keyPurposes[served.api], 'subscription', 'bearer'].map((one) => ({ [one]: [] })),
    parameters: [
      ...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
        name,
        in: 'path',
        required: true,
        schema: name?.endsWith('Id') ? { type: 'string', format: 'uuid' } : { type: 'string' },
      })),
      ...Object.entries(query.properties ?? {}).map(([name, schema]) => ({
        name,
        in: 'query',
        required: query.required?.includes(name) ?? false,
        ...(schema.type === 'array' && { style: 'form', explode: false }),
        ...(schema.description !== undefined && { description: schema.description }),
        schema: model(schema),
      })),
    ],
    ...(body !== undefined && { requestBody: { required: body.kind !== 'json' || body.required, content } }),
    responses: {
      ...Object.fromEntries(
        operation.success.map((status) => [
          status,
          { description: meanings[status] ?? 'Done.', ...(status < 300 && answer) },
        ]),
      ),
      default: {
        description: 'Refused.',
        content: { 'application/json': { schema: model(served.refusal.schema) } },
      },
    },
  };
}

const meanings: Readonly<Record<number, string>> = {
  200: 'Done.',
  202: 'Accepted: the rest happens in the background.',
  204: 'Done; nothing to say.',
  206: 'The part that was asked for (Range).',
  207: 'Done in part: each entry has its own status.',
};

/** Named models, each written once and referred to. */
function createComponents() {
  const all: Record<string, Json> = {};
  const names = new Map<string, string>();
  const use = (schema: PlainSchema, version: string): Json => {
    const { title, 'x-problem': _problem, 'x-until': _until, ...plain } = schema;
    const inner: Json = {
      ...plain,
      ...(schema.items && { items: use(schema.items, version) }),
      ...(schema.anyOf && { anyOf: schema.anyOf.map((part) => use(part, version)) }),
      ...(schema.properties && {
        properties: Object.fromEntries(
          Object.entries(schema.properties).map(([name, part]) => [name, use(part, version)]),
        ),
      }),
    };
    if (!title) return inner;
    const content = `${title} ${JSON.stringify(inner)}`;
    let name = names.get(content);
    if (name === undefined) {
      name = Object.hasOwn(all, title) ? `${title}-v${version}` : title;
      names.set(content, name);
      all[name] = inner;
    }
    return { $ref: `#/components/schemas/${name}` };
  };
  return { all, use };
}
