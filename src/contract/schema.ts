import Type from 'typebox';
import type { ProblemCode } from '../domain/problems.ts';
import type { Version } from './operation.ts';

/** What our schemas say beyond JSON Schema. */
export interface Notes {
  /** Of a property or parameter: the last version that has it. Absent: the newest. */
  readonly 'x-until'?: Version;
  /** The code of the refusal when a value does not fit; otherwise that of the schema around it. */
  readonly 'x-problem'?: ProblemCode;
  readonly description?: string;
  readonly default?: unknown;
}

const invalidIds = { 'x-problem': 'BadRequestInvalidIds' } as const;

/** An id: read in any letter case, with or without dashes; lower case with dashes within. */
export const id = (notes: Notes = {}) => Type.String({ format: 'uuid', ...invalidIds, ...notes });
/** A list of at most `most` ids; in queries one comma-separated parameter, or the parameter repeated. */
export const ids = (most: number | undefined, notes: Notes = {}) =>
  Type.Array(id(), {
    ...(most === undefined ? {} : { maxItems: most }),
    'x-problem': 'BadRequestExceededBatchSize',
    ...notes,
  });
/** A date with time, in ISO 8601. */
export const dateTime = (notes: Notes = {}) => Type.String({ format: 'date-time', ...notes });
/** A whole number of 32 bits. */
export const int32 = (notes: Notes & { minimum?: number; maximum?: number } = {}) =>
  Type.Integer({ format: 'int32', minimum: -2_147_483_648, maximum: 2_147_483_647, ...notes });
/** A whole number that a double holds exactly. */
export const int53 = (notes: Notes & { minimum?: number; maximum?: number } = {}) =>
  Type.Integer({ format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, ...notes });
/** A number of single precision. */
export const float32 = (notes: Notes = {}) => Type.Number({ format: 'float', ...notes });
/** A number of double precision. */
export const float64 = (notes: Notes & { minimum?: number; maximum?: number } = {}) =>
  Type.Number({ format: 'double', ...notes });
/** One of some words, read in any letter case, written as given here. */
export const oneOf = <const Words extends readonly string[]>(words: Words, notes: Notes = {}) =>
  Type.Unsafe<Words[number]>({ type: 'string', enum: [...words], ...notes });
/** Text of bounded length, in UTF-16 code units. */
export const text = (notes: Notes & { minLength?: number; maxLength?: number } = {}) => Type.String({ ...notes });
/** True or false. */
export const boolean = (notes: Notes = {}) => Type.Boolean({ ...notes });
/** Names and their values: an object of strings; `value`: what is to be said of these. */
export const stringMap = (value: Notes = {}) => Type.Record(Type.String(), text(value));
/** Names and whether each holds. */
export const flags = (notes: Notes = {}) => Type.Record(Type.String(), Type.Boolean(), { ...notes });
/** Names and a whole number of 32 bits for each. */
export const countMap = () => Type.Record(Type.String(), int32());
/** Names and their values, each a text, a number or a boolean. */
export const facts = (notes: Notes = {}) =>
  Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()]), { ...notes });
/** The schema, or null. */
export const nullable = <S extends Type.TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
/** A named object: `title` is the name versions know it by. */
export const model = <const P extends Type.TProperties>(title: string, properties: P, notes: Notes = {}) =>
  Type.Object(properties, { title, ...notes });
/** The parameters of a query. */
export const query = <const P extends Type.TProperties>(parameters: P) => Type.Object(parameters);
/** A property that may be absent. */
export const optional = Type.Optional;
/** A list of values of one schema. */
export const listOf = Type.Array;

/** A schema as plain JSON Schema, as far as this contract uses it. */
export interface PlainSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, PlainSchema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, PlainSchema>>;
  readonly items?: PlainSchema;
  readonly anyOf?: readonly PlainSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-problem'?: ProblemCode;
  readonly 'x-until'?: Version;
}
