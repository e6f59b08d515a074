/** Training 1.0 has no published Swagger file: it is held against the documents of a client that was made from its own. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { baseOfApi } from './operation.ts';
import type { PlainSchema } from './schema.ts';
import { servedVersions } from './served.ts';

const shared = resolve(process.env.OWNSIGHT_SHARED ?? join(import.meta.dirname, '../../../shared'));
const documents = join(shared, 'spec/v1.0-client-docs');
const skip = existsSync(documents) ? false : 'the documents of the client are not here (OWNSIGHT_SHARED)';

/** One operation as documented. */
interface Documented {
  readonly id: string;
  /** `GET /projects/{projectId}`. */
  readonly address: string;
  /** Name -> whether it must be given; those of the address and of the body included. */
  readonly parameters: ReadonlyMap<string, boolean>;
  /** A model's name, `[...]` for a list of them; `undefined`: no answer. */
  readonly reply: string | undefined;
}

function documented(): Documented[] {
  const text = readFileSync(join(documents, 'docs/DefaultApi.md'), 'utf8');
  const rows = text.matchAll(/^\[\*\*(\w+)\*\*\]\S* \| \*\*(\w+)\*\* (\S+) \|/gm);
  return [...rows].map(([, id, method, path]) => {
    const section = text.split(`# **${id}**\n`)[1]!.split('<a name=')[0]!;
    const reply = new RegExp(`^> (\\S+) ${id}\\(`, 'm').exec(section)?.[1];
    const parameters = section.matchAll(/^ \*\*(\w+)\*\* \|.*\|([^|]*)$/gm);
    return {
      id: id!,
      address: `${method} ${path}`,
      parameters: new Map([...parameters].map(([, name, notes]) => [name!, !notes!.includes('[optional]')])),
      reply,
    };
  });
}

/** The properties of a model, and the model of each that has one. */
function propertiesOf(model: string): ReadonlyMap<string, string | undefined> {
  const rows = readFileSync(join(documents, `docs/${model}.md`), 'utf8').matchAll(/^\*\*(\w+)\*\* \| (\S+)/gm);
  return new Map(
    [...rows].map(([, name, type]) => [
      name![0]!.toUpperCase() + name!.slice(1),
      /\((\w+Model)\.md\)/.exec(type!)?.[1],
    ]),
  );
}

/** Every property documented is answered, and no other, at every depth. */
function compare(schema: PlainSchema, model: string, where: string): void {
  const inner = schema.anyOf?.[0] ?? schema.items;
  if (inner !== undefined) {
    compare(inner, model, where);
    return;
  }
  const wanted = propertiesOf(model);
  assert.deepEqual(Object.keys(schema.properties ?? {}).sort(), [...wanted.keys()].sort(), where);
  for (const [name, part] of wanted)
    if (part !== undefined) compare(schema.properties![name]!, part, `${where}.${name}`);
}

test('training v1.0 is as documented', { skip }, () => {
  const served = servedVersions.find(({ api, version }) => api === 'training' && version === '1.0')!;
  const base = baseOfApi('training', '1.0');
  const ours = new Map(served.operations.map((one) => [`${one.method} ${one.path.slice(base.length)}`, one]));
  const theirs = documented();
  assert.deepEqual([...ours.keys()].sort(), theirs.map(({ address }) => address).sort());
  for (const { id, address, parameters, reply } of theirs) {
    const { query, body, reply: answer } = ours.get(address)!;
    const inAddress = [...address.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
    const named = new Map(
      Object.keys(query.properties ?? {}).map((name) => [name, query.required?.includes(name) ?? false]),
    );
    const rest = [...parameters].filter(([name]) => !inAddress.includes(name) && !named.has(name));
    assert.deepEqual([...named].sort(), [...parameters].filter(([name]) => named.has(name)).sort(), `query of ${id}`);
    assert.equal(rest.length, body === undefined ? 0 : 1, `body of ${id}: ${rest}`);
    assert.equal(answer === undefined, reply === undefined, `answer of ${id}`);
    if (reply !== undefined) compare(answer as PlainSchema, reply.replace(/[[\]]/g, ''), id);
  }
});
