import type { ArchiveEntry } from '../../base/archive-entry.ts';
import { tableCustody } from '../../store/custody.ts';
import { takeoutOrder } from '../../store/custody-takeout.ts';
import type { Tables } from '../../store/schema.ts';
import { jsonFile } from './layout.ts';
import { columnsOf } from './open-row.ts';

const draft = 'https://json-schema.org/draft/2020-12/schema';
const text = { type: 'string' } as const;
const maybeText = { type: ['string', 'null'] } as const;
const number = { type: 'number' } as const;
const whole = { type: 'integer' } as const;
const time = { type: 'string', format: 'date-time' } as const;
const id = { type: 'string', format: 'uuid' } as const;
const anything = {} as const;

const list = (items: unknown) => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, unknown>>, description?: string) => ({
  ...(description && { description }),
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const box = object({ left: number, top: number, width: number, height: number });
const tagged = object({ id, name: text });
const scores = object({ id, name: text, probability: { type: 'number', minimum: 0, maximum: 1 } });

/** The shapes of the files that are made for people and programs, by schema name. */
const forReading: Readonly<Record<string, unknown>> = {
  project: object(
    {
      format: { const: 'ownsight-project/1' },
      id,
      name: text,
      description: text,
      domain: object({ id, name: text, type: text }),
      classificationType: maybeText,
      targetExportPlatforms: list(text),
      backbone: maybeText,
      created: time,
      lastModified: time,
      tags: list(object({ id, name: text, description: maybeText, type: text, imageCount: whole })),
      iterations: list(
        object({
          id,
          name: text,
          status: text,
          created: time,
          backbone: maybeText,
          publishName: maybeText,
          isDefault: { type: 'boolean' },
          performance: anything,
        }),
      ),
    },
    'project.json: a project with its tags, its iterations and their held-out performance.',
  ),
  image: object(
    {
      id,
      file: text,
      format: text,
      width: whole,
      height: whole,
      bytes: whole,
      created: time,
      inWorkspace: { type: 'boolean' },
      tags: list(tagged),
      regions: list(object({ id, tagId: id, tagName: text, box })),
      metadata: { type: ['object', 'null'], additionalProperties: text },
    },
    'A line of images-….jsonl: a picture with its tags, regions and metadata.',
  ),
  'held-out': object(
    { imageId: id, fold: whole, tagIds: list(id), predictions: list(scores) },
    'A line of held-out-….jsonl: what an iteration said of a picture before it had seen it. Of a detector: each thing it found, with its box; pictures that were not held out have no line.',
  ),
  prediction: object(
    { id, file: text, iterationId: id, created: time, application: maybeText, predictions: list(anything) },
    'A line of predictions-….jsonl: a picture that was asked about, and the answer.',
  ),
  audit: object(
    {
      account: id,
      head: object({ entries: whole, hash: text }),
      entries: list(
        object({
          id,
          number: whole,
          created: whole,
          action: text,
          projectId: maybeText,
          subjectId: maybeText,
          sealed: maybeText,
          previous: text,
          hash: text,
          detail: anything,
        }),
      ),
    },
    'account/audit.json: the log of the account. The hash of an entry is the SHA-256, in hexadecimal, of the JSON array [previous, number, id, created, action, projectId, subjectId, sealed].',
  ),
  missing: list(object({ file: text, what: text, reason: text })),
};

const clear: Readonly<Record<string, unknown>> = {
  id: maybeText,
  ids: maybeText,
  word: maybeText,
  time: { type: ['integer', 'null'], description: 'microseconds since 1970-01-01 UTC' },
  number: { type: ['number', 'null'] },
  flag: { enum: [0, 1] },
};
const opened = {
  text: maybeText,
  json: anything,
  'json with ids': anything,
  float32: { type: ['array', 'null'], items: number },
};

/** The shape of a line of `rows/<table>-….jsonl`. */
function rowSchema(table: keyof Tables): unknown {
  const columns = columnsOf(table).filter(([, held, form]) => held !== 'lookup' && form !== 'never');
  const properties = columns.map(([name, held, form]) => [
    name,
    form === undefined || form === 'never' ? clear[held] : opened[form],
  ]);
  return { ...object(Object.fromEntries(properties), tableCustody[table].what), additionalProperties: false };
}

/** The JSON Schema files that travel with the archive. */
export function schemaFiles(): ArchiveEntry[] {
  const file = (name: string, schema: unknown): ArchiveEntry =>
    jsonFile(`schema/${name}.schema.json`, {
      $schema: draft,
      $id: `urn:ownsight:takeout:1:${name}`,
      ...(schema as object),
    });
  return [
    ...Object.entries(forReading).map(([name, schema]) => file(name, schema)),
    ...[...takeoutOrder('account'), ...takeoutOrder('project')].map((table) => file(`rows/${table}`, rowSchema(table))),
  ];
}
