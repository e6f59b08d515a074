import type { Parameter, PublishedOperation, PublishedVersion, Schema } from './published.ts';
import type { Spoilt } from './send.ts';
import { isSent, type Request } from './values.ts';

/** A valid request with one thing wrong. */
export interface SpoiltRequest {
  /** What is wrong: `projectId: unknown`, `body.images[].url: missing`. */
  readonly what: string;
  readonly request: Request;
  readonly spoilt?: Spoilt;
  /** False: the thing may be taken all the same, such as an id in a filter that nothing has. */
  readonly mustRefuse: boolean;
}

const unknownId = '0f0f0f0f-1111-4222-8333-444444444444';

/** Everything wrong that a request's published parameters make possible: one at a time. */
export function* spoil(request: Request): Generator<SpoiltRequest> {
  const { operation, body } = request;
  yield { what: 'no key', request, spoilt: { key: '' }, mustRefuse: true };
  yield { what: 'wrong key', request, spoilt: { key: 'f'.repeat(32) }, mustRefuse: true };
  for (const parameter of operation.parameters)
    if (parameter.in === 'path') yield* inPath(request, parameter);
    else if (parameter.in === 'query') yield* inQuery(request, parameter);
    else if (parameter.in === 'formData') {
      yield { what: 'body: empty', request, spoilt: { raw: '' }, mustRefuse: true };
      yield { what: 'body: no picture', request, spoilt: { raw: 'no picture', type: 'image/png' }, mustRefuse: false };
      yield {
        what: 'body: broken form',
        request,
        spoilt: { raw: '--x\r\n', type: 'multipart/form-data; boundary=x' },
        mustRefuse: true,
      };
    } else {
      if (parameter.required)
        yield { what: 'body: missing', request: { ...request, body: undefined }, mustRefuse: true };
      yield { what: 'body: no JSON', request, spoilt: { raw: '{"a": ' }, mustRefuse: true };
      yield { what: 'body: XML', request, spoilt: { raw: '<a/>', type: 'application/xml' }, mustRefuse: true };
      for (const [path, spoilt] of inBody(operation.version, parameter.schema!, body, 'body'))
        yield { what: path, request: { ...request, body: spoilt }, mustRefuse: !mayBeTaken(operation, path) };
    }
}

/** An id that nothing has gets a status of its own in a batch, and finds nothing in a query; a part of a whole may be sent. */
const mayBeTaken = ({ method }: PublishedOperation, what: string): boolean =>
  what.endsWith(': unknown') || (method === 'PATCH' && what.endsWith(': missing'));

function* inPath(request: Request, { name }: Parameter): Generator<SpoiltRequest> {
  for (const [what, value] of [
    ['unknown', unknownId],
    ['no id', 'no-id'],
  ] as const)
    yield {
      what: `${name}: ${what}`,
      request: { ...request, path: { ...request.path, [name]: value } },
      mustRefuse: true,
    };
}

function* inQuery(request: Request, parameter: Parameter): Generator<SpoiltRequest> {
  const { name, type, format, required, maxItems, minimum, maximum, items } = parameter;
  const one = (what: string, value: unknown, mustRefuse = true): SpoiltRequest => ({
    what: `${name}: ${what}`,
    request: { ...request, query: { ...request.query, [name]: value } },
    mustRefuse,
  });
  if (required) {
    const { [name]: _one, ...query } = request.query;
    yield { what: `${name}: missing`, request: { ...request, query }, mustRefuse: true };
  }
  if (type === 'array') {
    yield one('no ids', 'no-id,nor-this');
    if (items?.format === 'uuid') yield one('unknown', unknownId, false);
    if (maxItems !== undefined) yield one('too many', Array.from({ length: maxItems + 1 }, unknownIdOf).join(','));
  } else if (format === 'uuid') {
    yield one('no id', 'no-id');
    yield one('unknown', unknownId, false);
  } else if (parameter.enum !== undefined) yield one('no such word', 'Odd');
  else if (type === 'boolean') yield one('neither', 'perhaps');
  else if (type === 'integer' || type === 'number') {
    yield one('no number', 'many');
    if (type === 'integer') yield one('a fraction', 1.5);
    if (minimum !== undefined) yield one('too small', minimum - 1);
    if (maximum !== undefined) yield one('too large', maximum + 1);
  }
}

const unknownIdOf = (_: unknown, n: number): string => `0f0f0f0f-1111-4222-8333-${String(n).padStart(12, '0')}`;

/** The body with one value of another kind, or a required property left out; of lists the first entry. */
function* inBody(
  version: PublishedVersion,
  schema: Schema,
  value: unknown,
  path: string,
): Generator<[string, unknown]> {
  const { type, format, properties, items, required = [], enum: words } = version.resolve(schema);
  if (value === undefined) return;
  yield [`${path}: wrong kind`, type === 'object' || properties !== undefined ? [] : {}];
  if (type === 'string' && format !== 'byte') yield [`${path}: a number`, 7];
  if (format === 'uuid') {
    yield [`${path}: no id`, 'no-id'];
    yield [`${path}: unknown`, unknownId];
  }
  if (words !== undefined) yield [`${path}: no such word`, 'Odd'];
  if (type === 'integer' || type === 'number') yield [`${path}: no number`, 'many'];
  if (items !== undefined && Array.isArray(value) && value.length > 0)
    for (const [where, spoilt] of inBody(version, items, value[0], `${path}[]`))
      yield [where, [spoilt, ...value.slice(1)]];
  if (properties === undefined || typeof value !== 'object' || value === null) return;
  const whole = value as Readonly<Record<string, unknown>>;
  for (const [name, part] of Object.entries(properties)) {
    if (!isSent(properties, part)) continue;
    const { [name]: own, ...others } = whole;
    if (required.includes(name)) yield [`${path}.${name}: missing`, others];
    for (const [where, spoilt] of inBody(version, part, own, `${path}.${name}`))
      yield [where, { ...others, [name]: spoilt }];
  }
}
