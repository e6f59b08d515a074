import { expected } from '../base/errors.ts';
import { withDashes } from '../base/id.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import { parseDate } from './json.ts';
import type { PlainSchema } from './schema.ts';

/** Where a value comes from: queries are text throughout, so numbers, booleans and lists are read out of it. */
type Source = 'query' | 'json';

/**
 * `value` as `schema` wants it, or a refusal that names the parameter, what was expected and what came. Lenient as
 * the service is: property names, enum words and ids in any letter case, unknown properties ignored, null the same as
 * absent (but where the schema allows null), lists in queries comma separated or repeated.
 * @throws AppError `code` for a value of the wrong type; for one that does not fit, the `x-problem` of the schema, else
 * `code`, which within an object is the object's own; `BadRequestRequiredParamIsNull` for what is missing.
 */
export function read(
  schema: PlainSchema,
  value: unknown,
  name: string,
  source: Source,
  code: ProblemCode = 'BadRequest',
): unknown {
  const own = schema['x-problem'] ?? code;
  const unfit = (what = nounOf(schema), received: unknown = value): never => {
    throw problem(own, expected(what, name, received));
  };
  const mistyped = (): never => {
    throw problem(code, expected(nounOf(schema), name || 'the body', value));
  };
  if (schema.anyOf !== undefined) {
    if (value === null) return null;
    return read(schema.anyOf.find((part) => part.type !== 'null')!, value, name, source, own);
  }
  if (schema.enum !== undefined) {
    const word = typeof value === 'string' ? value.trim().toLowerCase() : undefined;
    return schema.enum.find((candidate) => candidate.toLowerCase() === word) ?? unfit();
  }
  switch (schema.type) {
    case 'string':
      return (typeof value === 'string' ? readText(schema, value) : undefined) ?? unfit();
    case 'boolean': {
      if (typeof value === 'boolean') return value;
      const word = source === 'query' && typeof value === 'string' ? value.trim().toLowerCase() : '';
      return word === 'true' ? true : word === 'false' ? false : mistyped();
    }
    case 'integer':
    case 'number': {
      const number = source === 'query' && typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isFinite(number)) return mistyped();
      if (schema.type === 'integer' && !Number.isInteger(number)) return mistyped();
      return number < (schema.minimum ?? number) || number > (schema.maximum ?? number) ? unfit() : number;
    }
    case 'array': {
      const list = source === 'query' ? splitList(value) : value;
      if (!Array.isArray(list)) return mistyped();
      if (list.length > (schema.maxItems ?? list.length)) return unfit(`at most ${schema.maxItems} entries`, list);
      // A list's own code is about its length; its entries have theirs, else the outer one.
      return list.map((entry, i) => read(schema.items!, entry, `${name}[${i}]`, source, code));
    }
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
        ? readObject(schema, value as Readonly<Record<string, unknown>>, name, source, own)
        : mistyped();
    default:
      throw new TypeError(expected('a schema this contract knows', name, schema.type));
  }
}

function readObject(
  schema: PlainSchema,
  given: Readonly<Record<string, unknown>>,
  name: string,
  source: Source,
  code: ProblemCode,
): object {
  const path = (key: string): string => (name === '' ? key : `${name}.${key}`);
  if (schema.patternProperties !== undefined) {
    const [entry] = Object.values(schema.patternProperties);
    return Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, read(entry!, value, path(key), source, code)]),
    );
  }
  const names = namesOf(schema);
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const property = names.get(key.toLowerCase());
    if (property === undefined || isAbsent(schema.properties![property]!, value, source)) continue;
    result[property] = read(schema.properties![property]!, value, path(property), source, code);
  }
  for (const property of schema.required ?? []) {
    if (Object.hasOwn(result, property)) continue;
    const wanted = schema.properties![property]!;
    const received = Object.entries(given).find(([key]) => key.toLowerCase() === property.toLowerCase())?.[1];
    throw problem('BadRequestRequiredParamIsNull', expected(nounOf(wanted), path(property), received));
  }
  return result;
}

/** Null and, in queries, empty text stand for absent: but text that may be empty is kept. */
function isAbsent(schema: PlainSchema, value: unknown, source: Source): boolean {
  if (value === undefined || (value === null && schema.anyOf === undefined)) return true;
  return (
    source === 'query' &&
    value === '' &&
    !(schema.type === 'string' && schema.format === undefined && schema.enum === undefined)
  );
}

/** The text in the form used within; `undefined` when it is not of the wanted format or length. */
function readText(schema: PlainSchema, value: string): string | undefined {
  if (schema.format === 'uuid')
    return withDashes(
      value
        .trim()
        .replace(/^\{(.*)\}$/, '$1')
        .replaceAll('-', ''),
    );
  if (schema.format === 'date-time') return parseDate(value) === undefined ? undefined : value;
  return value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? value.length)
    ? undefined
    : value;
}

/** What a schema wants, in words. */
function nounOf(schema: PlainSchema): string {
  if (schema.anyOf !== undefined) return nounOf(schema.anyOf[0]!);
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.format === 'uuid') return 'an id (a UUID)';
  if (schema.format === 'date-time') return 'a date such as 2019-09-16T15:03:38.840Z';
  if (schema.format === 'byte') return 'bytes in base64';
  const { minimum, maximum, minLength = 0, maxLength } = schema;
  if (schema.type === 'integer')
    return minimum === undefined || maximum === undefined
      ? 'a whole number'
      : `a whole number from ${minimum} to ${maximum}`;
  if (schema.type === 'string' && maxLength !== undefined) return `${minLength} to ${maxLength} characters`;
  return (
    { string: 'text', number: 'a number', boolean: 'true or false', array: 'a list', object: 'an object' }[
      schema.type ?? ''
    ] ?? 'a value'
  );
}

function splitList(value: unknown): unknown {
  const parts = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(parts)) return value;
  return parts.flatMap((part) =>
    typeof part === 'string'
      ? part
          .split(',')
          .map((piece) => piece.trim())
          .filter((piece) => piece !== '')
      : [part],
  );
}

const knownNames = new WeakMap<PlainSchema, ReadonlyMap<string, string>>();

/** The schema's property names by their lower-case form. */
function namesOf(schema: PlainSchema): ReadonlyMap<string, string> {
  let names = knownNames.get(schema);
  if (names === undefined) {
    names = new Map(Object.keys(schema.properties ?? {}).map((property) => [property.toLowerCase(), property]));
    knownNames.set(schema, names);
  }
  return names;
}
