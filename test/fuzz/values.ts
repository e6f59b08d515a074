import fc, { type Arbitrary } from 'fast-check';
import type { PlainSchema } from '../../src/contract/schema.ts';

/**
 * Places in what is sent that are filled in when it is: `own` ids are the account's own, of the kind that parameters of this
 * name have, `others` those of the other account; a picture in base64; lists in lists, too deep for what writes JSON to write.
 */
export const marks = {
  own: (name: string, pick: number): string => `<own ${name} ${pick}>`,
  others: (name: string): string => `<others ${name}>`,
  picture: (): string => '<picture>',
  nested: (depth: number): string => `<nested ${depth}>`,
};

/** Text of any kind: of any script, with what breaks lines, addresses, JSON, files and databases, and very long. */
export const anyText: Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom(
    '',
    ' ',
    '\0',
    '\r\nX: y',
    '../../etc/passwd',
    '..\\..\\',
    '%',
    '%00',
    '%2e%2e%2f',
    "' OR 1=1 --",
    '{"a":',
    '__proto__',
    'constructor',
    'null',
    'undefined',
    'NaN',
    '-0',
    '1e400',
    '\ud800',
    '\u202e\u0000\uffff',
    '٣',
    'ß'.repeat(200),
    'a'.repeat(5000),
    'file:///etc/passwd',
    'http://127.0.0.1:1/x.jpg',
    'http://[::1]:1/',
    'data:image/png;base64,AAAA',
  ),
);

/** JSON of any kind, with what is hard on those that read it. */
export const anyJson: Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: fc.jsonValue({ depthSize: 'medium' }) },
  { weight: 1, arbitrary: fc.constantFrom(20, 2000, 100_000).map(marks.nested) },
  { weight: 1, arbitrary: fc.constantFrom(300, 20_000, 300_000).map((length) => Array.from({ length }, () => 0)) },
  {
    weight: 1,
    arbitrary: fc.double().map((number) => ({ images: number, tags: [number], regions: { length: number } })),
  },
);

/** What a parameter of this name holds: mostly of the account itself, so that it leads somewhere. */
export const idNamed = (name: string): Arbitrary<string> =>
  fc.oneof(
    { weight: 14, arbitrary: fc.nat({ max: 5 }).map((pick) => marks.own(name, pick)) },
    { weight: 2, arbitrary: fc.constant(marks.others(name)) },
    { weight: 1, arbitrary: fc.uuid() },
    { weight: 1, arbitrary: anyText },
  );

/** A value that fits a schema, or with `wild` (0 to 1) of its parts one that does not. */
export function valueFor(schema: PlainSchema, name: string, wild: number): Arbitrary<unknown> {
  const fitting = fittingValue(schema, name, wild);
  if (wild === 0) return fitting;
  const weight = Math.round(wild * 100);
  return fc.oneof({ weight: 100 - weight, arbitrary: fitting }, { weight, arbitrary: fc.oneof(anyText, anyJson) });
}

function fittingValue(schema: PlainSchema, name: string, wild: number): Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((part) => valueFor(part, name, wild)));
  switch (schema.type) {
    case 'string':
      if (schema.format === 'uuid') return idNamed(singular(name));
      if (schema.format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
      if (/^contents$/i.test(name)) return fc.constant(marks.picture());
      return fc.string({
        unit: 'grapheme',
        minLength: schema.minLength ?? 0,
        maxLength: Math.min(schema.maxLength ?? 30, 30),
      });
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -3, max: Math.min(schema.maximum ?? 300, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ min: schema.minimum ?? 0, max: schema.maximum ?? 1, noNaN: true });
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(valueFor(schema.items!, name, wild), { maxLength: 4 });
  }
  if (schema.patternProperties !== undefined) return fc.dictionary(anyText, anyText, { maxKeys: 5 });
  const properties = Object.entries(schema.properties ?? {});
  const required = (schema.required ?? []).filter((one) => schema.properties?.[one] !== undefined);
  return fc.record(
    Object.fromEntries(properties.map(([key, part]) => [key, valueFor(part, key === 'id' ? name : key, wild)])),
    wild > 0 ? { requiredKeys: [] } : { requiredKeys: required },
  );
}

/** `tagIds` holds what `tagId` names; whatever is called otherwise is an image, as most lists are. */
const singular = (name: string): string => (/Ids?$/.test(name) ? name.replace(/s$/, '') : 'imageId');
