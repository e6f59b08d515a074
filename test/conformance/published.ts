import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv, type ErrorObject } from 'ajv';

const shared = resolve(process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../shared'));
const folder = join(shared, 'spec');
/** Why what Azure published cannot be walked; `false` when it can. */
export const nothingPublished = existsSync(folder)
  ? false
  : 'the published Swagger files are not here (OWNSIGHT_SHARED)';

/** A schema of Swagger 2.0, as far as Azure's files use it. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly readOnly?: boolean;
  readonly 'x-nullable'?: boolean;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}
/** A parameter: of the path, the query, the body, or a file of a form. */
export interface Parameter extends Omit<Schema, 'required'> {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'body' | 'formData';
  readonly required?: boolean;
  readonly schema?: Schema;
}
/** One operation of one version, as published. */
export interface PublishedOperation {
  readonly version: PublishedVersion;
  readonly id: string;
  readonly method: string;
  /** Whole, from the root, with parameters in braces. */
  readonly path: string;
  /** Without those in headers. */
  readonly parameters: readonly Parameter[];
  /** The schema of each answer's body by status; `undefined`: no body. */
  readonly answers: ReadonlyMap<number, Schema | undefined>;
  /** The parameters of its published examples, by the example's file. */
  readonly examples: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}
/** One published file: a version of an API. */
export interface PublishedVersion {
  readonly api: 'training' | 'prediction';
  /** Without the `v`. */
  readonly version: string;
  readonly operations: readonly PublishedOperation[];
  /** The codes of its errors; `undefined`: errors are not described. */
  readonly codes: ReadonlySet<string> | undefined;
  /** The schema a reference stands for, or the schema itself. */
  resolve(schema: Omit<Schema, 'required'>): Schema;
  /** What is wrong with a value, in words; `undefined` when it is as published. */
  fault(schema: Schema, value: unknown): string | undefined;
}

interface Swagger {
  readonly basePath: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, SwaggerOperation>>>>;
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}
interface SwaggerOperation {
  readonly operationId: string;
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly responses: Readonly<Record<string, { readonly schema?: Schema }>>;
  readonly 'x-ms-examples'?: Readonly<Record<string, { readonly $ref: string }>>;
}

/** One recorded request and what the real service answered. */
export interface Recording {
  /** Where it is from; in brackets the version. `same`: where the one before is from. */
  readonly src: string;
  readonly req: string;
  readonly reqBody?: unknown;
  readonly status: number;
  readonly body?: unknown;
}
/** All that was recorded of the real service. */
export const recordings = (): readonly Recording[] =>
  (JSON.parse(readFileSync(join(folder, 'recordings/condensed.json'), 'utf8')) as { entries: Recording[] }).entries;

/** Every version that was published, oldest first of each API. The draft of 3.4 that never became one is left out. */
export const publishedVersions = (): PublishedVersion[] =>
  readdirSync(folder)
    .filter((file) => /^(Training|Prediction)-v[\d.]+(-preview)?\.json$/.test(file))
    .sort()
    .map(readVersion);

function readVersion(file: string): PublishedVersion {
  const [, name, version] = /^(\w+)-v(.+)\.json$/.exec(file) as unknown as [string, string, string];
  const swagger = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Swagger;
  const last = (reference: string): string => reference.split('/').at(-1)!;
  const judge = createJudge(swagger.definitions);
  const codes = swagger.definitions.CustomVisionError?.properties?.code?.enum;
  const kind = version.endsWith('-preview') ? 'preview' : 'stable';
  const examples = join(folder, 'examples', name, kind, `v${version}`);
  const operations: PublishedOperation[] = [];
  const published: PublishedVersion = {
    api: name.toLowerCase() as PublishedVersion['api'],
    version,
    operations,
    codes: codes && new Set(codes),
    resolve: (schema) => (schema.$ref === undefined ? (schema as Schema) : swagger.definitions[last(schema.$ref)]!),
    fault: judge,
  };
  for (const [path, methods] of Object.entries(swagger.paths))
    for (const [method, operation] of Object.entries(methods))
      operations.push({
        version: published,
        id: operation.operationId,
        method: method.toUpperCase(),
        path: `${swagger.basePath}${path}`,
        parameters: (operation.parameters ?? [])
          .map((one) => ('$ref' in one ? swagger.parameters[last(one.$ref!)]! : one) as Parameter)
          .filter((one) => one.in !== 'header' && one.name !== 'Endpoint'),
        answers: new Map(
          Object.entries(operation.responses)
            .filter(([status]) => status !== 'default')
            .map(([status, { schema }]) => [Number(status), schema]),
        ),
        examples: new Map(
          Object.values(operation['x-ms-examples'] ?? {}).map(({ $ref }) => {
            const text = readFileSync(join(examples, $ref), 'utf8');
            return [$ref, (JSON.parse(text) as { parameters: Record<string, unknown> }).parameters];
          }),
        ),
      });
  return published;
}

/**
 * Judges values by the definitions of a file: what JSON Schema makes of Swagger 2.0. A property of a value type says
 * `x-nullable: false`; others may be null. What recorded answers have beyond the files is allowed.
 */
function createJudge(definitions: Swagger['definitions']): PublishedVersion['fault'] {
  const ajv = new Ajv({ strict: false, validateFormats: true, formats });
  ajv.addSchema({ $id: 'definitions', definitions: mapped(definitions, (schema) => convert(schema)) });
  const known = new Map<string, ReturnType<Ajv['compile']>>();
  return (schema, value) => {
    const key = JSON.stringify(schema);
    const validate = known.get(key) ?? ajv.compile(convert(schema) as object);
    known.set(key, validate);
    if (validate(value)) return undefined;
    return validate.errors?.map((error: ErrorObject) => `${error.instancePath} ${error.message}`).join('; ');
  };
}

const formats = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  // Three digits and Z, or seven without: see the recordings.
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.(\d{3}Z|\d{7}Z?)$/,
  int32: { type: 'number' as const, validate: (value: number) => (value | 0) === value },
  float: true as const,
  double: true as const,
  byte: true as const,
  duration: true as const,
};

/** Properties the real service was recorded to answer as null, although some files say that they never are. */
const recordedNull: ReadonlySet<string> = new Set(
  nothingPublished ? [] : namesOfNulls(recordings().map(({ body }) => body)),
);
/** Recorded in settings of every version, and in the file of none before 3.1. */
const recordedToo = { useNegativeSet: { type: 'boolean' }, detectionParameters: { type: 'null' } };

function namesOfNulls(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(namesOfNulls);
  return typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([name, part]) => (part === null ? [name] : namesOfNulls(part)))
    : [];
}

function convert(schema: Schema, name = ''): unknown {
  const mayBeNull = name !== '' && (schema['x-nullable'] !== false || recordedNull.has(name));
  const plain = convertPlain(schema);
  return mayBeNull ? { anyOf: [plain, { type: 'null' }] } : plain;
}

function convertPlain(schema: Schema): unknown {
  if (schema.$ref !== undefined) return { $ref: schema.$ref.replace('#/', 'definitions#/') };
  const properties = schema.properties && mapped(schema.properties, convert);
  return {
    ...(schema.type !== undefined && { type: schema.type }),
    ...(schema.format !== undefined && { format: schema.format }),
    ...(schema.enum !== undefined && {
      // What models are exported for was no platform yet in 1.2.
      enum: schema.enum.includes('CoreML') ? [...new Set([...schema.enum, 'ONNX'])] : schema.enum,
    }),
    ...(schema.required !== undefined && { required: schema.required }),
    ...(schema.items !== undefined && { items: convert(schema.items) }),
    ...(properties !== undefined && {
      properties: 'classificationType' in properties ? { ...recordedToo, ...properties } : properties,
      additionalProperties: false,
    }),
    ...(schema.additionalProperties !== undefined && { additionalProperties: convert(schema.additionalProperties) }),
  };
}

const mapped = <T, U>(values: Readonly<Record<string, T>>, change: (value: T, name: string) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value, name)]));
