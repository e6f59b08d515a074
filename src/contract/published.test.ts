import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { problems } from '../domain/problems.ts';
import { ownCodes } from '../domain/unreachable.ts';
import type { PlainSchema } from './schema.ts';
import { servedVersions } from './served.ts';
import type { ServedVersion, VersionedOperation } from './version.ts';

/** The published Swagger files, as far as they are read here. */
interface Swagger {
  basePath: string;
  paths: Record<string, Record<string, SwaggerOperation>>;
  definitions: Record<string, SwaggerSchema & { properties?: Record<string, SwaggerSchema> }>;
}
interface SwaggerSchema {
  $ref?: string;
  type?: string;
  items?: SwaggerSchema;
  enum?: string[];
  maxItems?: number;
  minimum?: number;
  maximum?: number;
}
interface SwaggerOperation {
  operationId: string;
  parameters?: (SwaggerSchema & { name?: string; in?: string; required?: boolean; schema?: SwaggerSchema })[];
  responses: Record<string, { schema?: SwaggerSchema }>;
}

const shared = resolve(process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../shared'));
const skip = existsSync(join(shared, 'spec')) ? false : 'the published Swagger files are not here (OWNSIGHT_SHARED)';

const fileOf = ({ api, version }: ServedVersion): string =>
  join(shared, 'spec', `${api === 'training' ? 'Training' : 'Prediction'}-v${version}.json`);

/** What a version is held to: of 3.4-preview also what its draft adds to it, which is answered at both addresses. */
function readSwagger(served: ServedVersion): Swagger {
  const swagger = JSON.parse(readFileSync(fileOf(served), 'utf8')) as Swagger;
  if (served.version !== '3.4-preview') return swagger;
  const draft = JSON.parse(
    readFileSync(join(shared, 'spec', 'Training-v3.4-preview.1-UNMERGED.json'), 'utf8'),
  ) as Swagger;
  return {
    ...swagger,
    paths: { ...draft.paths, ...swagger.paths },
    definitions: { ...draft.definitions, ...swagger.definitions },
  };
}

/** Of these nothing is published, or no Swagger file: what programs of their time show is in `training-1.ts`. */
const unpublishedVersions = ['training 1.1', 'training 1.0', 'prediction 1.0'];

const publishedVersions = servedVersions.filter(
  ({ api, version }) => api !== 'ownsight' && !unpublishedVersions.includes(`${api} ${version}`),
);

for (const served of publishedVersions) {
  test(`${served.api} v${served.version} is as published`, { skip }, () => {
    const swagger = readSwagger(served);
    const published = Object.entries(swagger.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path: `${swagger.basePath}${path}`,
        method: method.toUpperCase(),
        operation,
      })),
    );
    for (const ours of served.operations) {
      const theirs = published.find(({ operation }) => operation.operationId === ours.name);
      assert.ok(theirs, `${ours.id} is not in this version`);
      assert.equal(`${ours.method} ${ours.path.toLowerCase()}`, `${theirs.method} ${theirs.path.toLowerCase()}`);
      compareParameters(ours, theirs.operation);
      const statuses = Object.keys(theirs.operation.responses)
        .filter((status) => status !== 'default')
        .map(Number);
      assert.deepEqual([...ours.success].sort(), statuses.sort(), ours.id);
      compareReply(ours, theirs.operation, swagger);
    }
    const missing = published
      .map(({ operation }) => operation.operationId)
      .filter((id) => !served.operations.some((ours) => ours.name === id));
    assert.deepEqual(
      missing.filter((id) => !/^(ExportProject|ImportProject)/.test(id)),
      [],
    );
  });

  test(`${served.api} v${served.version} names only problems it knows`, {
    skip: skip || (Number.parseFloat(served.version) < 3 && 'before 3.0 there was no list'),
  }, () => {
    const swagger = readSwagger(served);
    const codes = new Set(swagger.definitions.CustomVisionError!.properties!.code!.enum);
    const others: readonly string[] = [...Object.keys(ownCodes), ...(served.api === 'prediction' ? trainingOnly : [])];
    for (const code of Object.keys(problems) as (keyof typeof problems)[])
      if (!others.includes(code))
        assert.ok(codes.has(served.problemCode(code)), `${served.problemCode(code)} for ${code}`);
  });
}

function compareParameters(ours: VersionedOperation, theirs: SwaggerOperation): void {
  const parameters = (theirs.parameters ?? []).filter(({ in: place }) => place === 'query');
  // As the service's documentation has them for 3.3, and its Swagger file nowhere.
  const isExtra = (name: string) => ours.id === 'CreateProject' && name.endsWith('Uri');
  const named = Object.fromEntries(Object.entries(ours.query.properties ?? {}).filter(([name]) => !isExtra(name)));
  assert.deepEqual(Object.keys(named).sort(), parameters.map(({ name }) => name!).sort(), `query of ${ours.id}`);
  for (const parameter of parameters) {
    const schema = named[parameter.name!]!;
    const where = `${ours.id} ${parameter.name}`;
    assert.equal(schema.type, parameter.type, where);
    assert.equal(ours.query.required?.includes(parameter.name!) ?? false, parameter.required ?? false, where);
    if (parameter.maxItems !== undefined) assert.equal(schema.maxItems, parameter.maxItems, where);
    if (parameter.maximum !== undefined) assert.equal(schema.maximum, parameter.maximum, where);
    for (const word of parameter.enum ?? []) assert.ok(schema.enum?.includes(word), `${where}: ${word}`);
  }
  const body = (theirs.parameters ?? []).find(({ in: place }) => place === 'body' || place === 'formData');
  assert.equal(
    ours.body?.kind,
    body?.in === 'body' ? 'json' : body?.in === 'formData' ? 'pictures' : undefined,
    `body of ${ours.id}`,
  );
  if (ours.body?.kind === 'json') assert.equal(ours.body.required, body?.required ?? false, `body of ${ours.id}`);
}

/** In recorded answers of 3.0, but not in its file. */
const unpublished = new Set(['useNegativeSet', 'detectionParameters']);

/** Of 3.4-preview, which no version of prediction goes with. */
const trainingOnly = [
  'BadRequestInvalidUri',
  'BadRequestCustomBaseModelIterationStatusNotCompleted',
  'BadRequestCustomBaseModelDomainNotCompatible',
  'BadRequestCustomBaseModelArchitectureRetired',
];

/** Every property we answer is published, under the same name and kind, at every depth. */
function compareReply(ours: VersionedOperation, theirs: SwaggerOperation, swagger: Swagger): void {
  const published = theirs.responses['200']?.schema;
  if (typeof ours.reply !== 'object') return;
  assert.ok(published, `${ours.id} answers nothing`);
  const compare = (schema: PlainSchema, wanted: SwaggerSchema, where: string): void => {
    const model = wanted.$ref === undefined ? wanted : swagger.definitions[wanted.$ref.split('/').at(-1)!]!;
    const { properties } = model as { properties?: Record<string, SwaggerSchema> };
    if (schema.anyOf !== undefined) compare(schema.anyOf[0]!, wanted, where);
    else if (schema.type === 'array') compare(schema.items!, model.items!, `${where}[]`);
    else if (properties !== undefined) compareProperties(schema, properties, where);
    else assert.equal(schema.type, model.type, where);
  };
  const compareProperties = (schema: PlainSchema, properties: Record<string, SwaggerSchema>, where: string): void => {
    for (const [name, part] of Object.entries(schema.properties ?? {})) {
      const wantedPart = properties[name];
      if (wantedPart === undefined) assert.ok(unpublished.has(name), `${where}.${name} is not published`);
      else compare(part, wantedPart, `${where}.${name}`);
    }
    const left = Object.keys(properties).filter((name) => schema.properties?.[name] === undefined);
    assert.deepEqual(left, [], `${where} lacks`);
  };
  compare(ours.reply, published, ours.id);
}
