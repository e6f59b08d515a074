import type { ProblemCode } from '../domain/problems.ts';
import {
  type Api,
  type Body,
  baseOfApi,
  history,
  isIn,
  type Operation,
  type OperationId,
  type Version,
} from './operation.ts';
import { ownsightOperations } from './ownsight.ts';
import { predictionOperations } from './prediction.ts';
import type { PlainSchema } from './schema.ts';
import type { ModelChange, OperationChange, Step } from './step.ts';
import { trainingOperations } from './training.ts';
import { trainingOperationsOf1 } from './training-1.ts';
import { CustomVisionError } from './wire.ts';

/** An operation as one version has it. */
export interface VersionedOperation {
  readonly id: OperationId;
  /** What Azure calls it. */
  readonly name: string;
  readonly method: Operation['method'];
  /** Answers without a key. */
  readonly open: boolean;
  /** Answers HEAD as well. */
  readonly head: boolean;
  /** Whole, from the root: `/customvision/v3.3/training/projects/{projectId}`. */
  readonly path: string;
  readonly summary: string;
  readonly query: PlainSchema;
  readonly body:
    | {
        readonly kind: 'json';
        readonly schema: PlainSchema;
        /** The same with the newest version's names, for `read`, which takes names in any letter case. */
        readonly reading: PlainSchema;
        readonly required: boolean;
        readonly large: boolean;
      }
    | Extract<Body, { kind: 'pictures' | 'stream' }>
    | undefined;
  readonly reply: PlainSchema | 'bytes' | 'file' | 'events' | undefined;
  readonly success: readonly number[];
  /** An answer in the newest version's terms -> in this version's. */
  readonly encode: (reply: unknown) => unknown;
}

/** One version of one API: what it serves, and how it names what goes wrong. */
export interface ServedVersion {
  readonly api: Api;
  readonly version: Version;
  readonly operations: readonly VersionedOperation[];
  readonly problemCode: (code: ProblemCode) => ProblemCode;
  /** How it tells what went wrong. */
  readonly refusal: { readonly schema: PlainSchema; readonly encode: (error: CustomVisionError) => object };
}

/** Every operation of the newest version of each API. */
export const operations: Readonly<Record<OperationId, Operation>> = {
  ...trainingOperations,
  ...trainingOperationsOf1,
  ...predictionOperations,
  ...ownsightOperations,
};

/**
 * The version at the end of `steps`, which lead from the newest version of `api` to it, newest first; no steps: the
 * newest itself.
 */
export function servedVersion(api: Api, steps: readonly Step[]): ServedVersion {
  const version = steps.at(-1)?.version ?? history[api].at(-1)!;
  const shape = shaper(version, steps);
  const inNewestNames = shaper(
    version,
    steps.map(({ naming: _, ...step }) => step),
  );
  const exists = ([, operation]: [OperationId, Operation]): boolean =>
    operation.api === api && isIn(version, operation);
  return {
    api,
    version,
    operations: (Object.entries(operations) as [OperationId, Operation][]).filter(exists).map(([id, operation]) => {
      const changes = steps.flatMap(
        (step) => (step.operations?.[id] as OperationChange<OperationId> | undefined) ?? [],
      );
      const omitted: readonly string[] = changes.flatMap((change) => change.omitQuery ?? []);
      const required: readonly string[] = changes.flatMap((change) => change.requireQuery ?? []);
      const { reply, body } = operation;
      const shaped = typeof reply === 'object' ? shape(reply as PlainSchema) : undefined;
      return {
        id,
        name: operation.name ?? id,
        method: operation.method,
        open: operation.open ?? false,
        head: operation.head ?? false,
        path: `${baseOfApi(api, version)}${changes.findLast((change) => change.path !== undefined)?.path ?? operation.path}`,
        summary: operation.summary,
        query: requiring(
          without(operation.query as PlainSchema, [...bygone(operation.query as PlainSchema, version), ...omitted]),
          required,
        ),
        body:
          body?.kind !== 'json'
            ? body
            : changes.some((change) => change.omitBody)
              ? undefined
              : {
                  kind: 'json',
                  schema: shape(body.schema as PlainSchema).schema,
                  reading: inNewestNames(body.schema as PlainSchema).schema,
                  required: body.required,
                  large: body.large ?? false,
                },
        reply: shaped?.schema ?? (reply as Exclude<typeof reply, object>),
        success: changes.findLast((change) => change.success !== undefined)?.success ?? operation.success,
        encode: shaped?.encode ?? asItIs,
      };
    }),
    problemCode: (code) => steps.reduce((known, step) => step.problems?.[known] ?? known, code),
    refusal: { encode: asItIs, ...shape(CustomVisionError as PlainSchema) } as ServedVersion['refusal'],
  };
}

const asItIs = (value: unknown): unknown => value;

interface Shape {
  readonly schema: PlainSchema;
  /** Absent: a value of the newest version fits as it is. */
  readonly encode?: (value: unknown) => unknown;
}

/** What `version`, at the end of `steps`, makes of a schema and of values that fit it; worked out once a schema. */
function shaper(version: Version, steps: readonly Step[]): (schema: PlainSchema) => Shape {
  const known = new Map<PlainSchema, Shape>();
  const naming = steps.findLast((step) => step.naming !== undefined)?.naming;
  const shape = (schema: PlainSchema): Shape => {
    const seen = known.get(schema);
    if (seen !== undefined) return seen;
    const made =
      schema.items !== undefined
        ? list(schema)
        : schema.anyOf !== undefined
          ? choice(schema)
          : schema.properties !== undefined
            ? object(schema)
            : { schema };
    known.set(schema, made);
    return made;
  };
  const list = (schema: PlainSchema): Shape => {
    const { schema: items, encode } = shape(schema.items!);
    if (items === schema.items)
      return encode === undefined ? { schema } : { schema, encode: (value) => (value as unknown[]).map(encode) };
    return {
      schema: { ...schema, items },
      ...(encode === undefined ? {} : { encode: (value: unknown) => (value as unknown[]).map(encode) }),
    };
  };
  const choice = (schema: PlainSchema): Shape => {
    const parts = schema.anyOf!.map(shape);
    const encode = parts.find((part) => part.encode !== undefined)?.encode;
    return {
      schema: { ...schema, anyOf: parts.map((part) => part.schema) },
      ...(encode === undefined ? {} : { encode: (value: unknown) => (value === null ? null : encode(value)) }),
    };
  };
  const object = (schema: PlainSchema): Shape => {
    const changes = steps.flatMap(
      (step) =>
        (step.models as Readonly<Record<string, ModelChange<Record<string, unknown>>>> | undefined)?.[
          schema.title ?? ''
        ] ?? [],
    );
    const added: object[] = changes.map(({ add = {} }) => add);
    const properties: Record<string, PlainSchema> = Object.assign({}, schema.properties, ...added);
    const nested = Object.entries(properties).map(([name, part]) => [name, shape(part)] as const);
    const oldName = (name: string): string => changes.reduce((newer, { rename }) => rename?.[newer] ?? newer, name);
    const encoders = nested.flatMap(([name, { encode }]) =>
      encode === undefined ? [] : [[oldName(name), encode] as const],
    );
    const gone = bygone(schema, version);
    const shaped = { ...schema, properties: Object.fromEntries(nested.map(([name, part]) => [name, part.schema])) };
    const reduced = changes.reduce(
      (newer, { omit = [], rename }) => renamed(without(newer, omit), rename && ((name) => rename[name] ?? name)),
      without(shaped, gone),
    );
    const named = renamed(reduced, naming);
    if (changes.length + encoders.length + gone.length === 0 && naming === undefined) return { schema: named };
    return {
      schema: named,
      encode: (value) => {
        let result: Record<string, unknown> = { ...(value as Record<string, unknown>) };
        for (const name of gone) delete result[name];
        for (const { omit = [], rename, rewrite } of changes) {
          for (const name of omit) delete result[name];
          if (rename !== undefined) result = withNames(result, (name) => rename[name] ?? name);
          if (rewrite !== undefined) result = rewrite(result) as Record<string, unknown>;
        }
        for (const [name, encode] of encoders) if (result[name] !== undefined) result[name] = encode(result[name]);
        return naming === undefined ? result : withNames(result, naming);
      },
    };
  };
  return shape;
}

/** The properties that a version no longer has. */
const bygone = (schema: PlainSchema, version: Version): string[] =>
  Object.entries(schema.properties ?? {})
    .filter(([, part]) => !isIn(version, { until: part['x-until'] }))
    .map(([name]) => name);

/** An object's schema without some of its properties. */
function without(schema: PlainSchema, omitted: readonly string[]): PlainSchema {
  if (omitted.length === 0) return schema;
  return {
    ...schema,
    properties: Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => !omitted.includes(name))),
    required: (schema.required ?? []).filter((name) => !omitted.includes(name)),
  };
}

/** An object's schema with more of its properties required. */
const requiring = (schema: PlainSchema, required: readonly string[]): PlainSchema =>
  required.length === 0 ? schema : { ...schema, required: [...(schema.required ?? []), ...required] };

/** An object's schema with its property names written otherwise; without `naming`, as it is. */
function renamed(schema: PlainSchema, naming: ((name: string) => string) | undefined): PlainSchema {
  if (naming === undefined) return schema;
  return {
    ...schema,
    properties: withNames(schema.properties ?? {}, naming),
    required: (schema.required ?? []).map(naming),
  };
}

/** An object with its keys written otherwise. */
const withNames = <Value>(object: Readonly<Record<string, Value>>, naming: (name: string) => string) =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [naming(name), value]));
