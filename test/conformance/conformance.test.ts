/** Every operation of every published version, against a running server: what it takes, what it refuses, what it answers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ProblemCode, problems } from '../../src/domain/problems.ts';
import { unreachable } from '../../src/domain/unreachable.ts';
import { type Arranged, createArranger } from './arrange.ts';
import { nothingPublished, type PublishedOperation, publishedVersions } from './published.ts';
import { raising } from './raising.ts';
import { differencesOf, recordedCalls } from './recorded.ts';
import { faultOf, send } from './send.ts';
import { spoil } from './spoil.ts';
import { imageStatuses, metadataStatuses } from './statuses.ts';
import { exampleRequest, type Place, type Request, validRequest } from './values.ts';
import { type Answer, createWorld, type World } from './world.ts';

/** What is refused although it is published, and why. */
const notTaken: ReadonlyMap<string, string> = new Map([
  ['ExportIteration ./examples/ExportIteration.json', 'models are exported as ONNX only'],
]);

const versions = nothingPublished ? [] : publishedVersions();
const operations = versions.flatMap((version) => version.operations);
const nameOf = ({ version, id }: PublishedOperation): string => `${version.api} v${version.version} ${id}`;
const called = new Set<PublishedOperation>();

let world: World;
const ends: (() => unknown)[] = [];
before(async () => {
  world = await createWorld({ after: (end: () => unknown) => ends.push(end) });
});
after(async () => {
  for (const end of ends.reverse()) await end();
});

test('every code of the catalogue that can come about does', async () => {
  const others: string[] = [];
  for (const [code, raise] of Object.entries(raising)) {
    const refusal = await raise(world);
    const wanted = `${problems[code as ProblemCode][0]} ${code}`;
    const came = `${refusal.status} ${refusal.code}`;
    if (came !== wanted) others.push(`${came} instead of ${wanted}`);
  }
  assert.deepEqual(others, []);
});

test('every status of an image of a batch comes about', async () => {
  for (const statuses of [imageStatuses, metadataStatuses])
    for (const [status, bring] of Object.entries(statuses)) assert.equal(await bring(world), status);
});

describe('what Azure published', { skip: nothingPublished }, () => {
  test('answers have the keys, nulls, dates and statuses of recorded ones', async () => {
    const arrange = createArranger(world);
    const differences: string[] = [];
    for (const call of recordedCalls(versions))
      differences.push(...(await differencesOf(call, world, await arrange(call.operation.id))));
    assert.deepEqual(differences, []);
  });

  for (const version of versions) {
    describe(`${version.api} v${version.version}`, () => {
      let arrange: ReturnType<typeof createArranger>;
      before(() => {
        arrange = createArranger(world);
      });
      const place = ({ subject, own = {} }: Arranged): Place => ({ world, subject, own, version });

      /** Calls once, on what the operation needs; what is wrong with that, in words. */
      async function faultsOf(
        operation: PublishedOperation,
        what: string,
        make: (place: Place) => Request,
      ): Promise<string[]> {
        const arranged = await arrange(operation.id);
        const request = make(place(arranged));
        const answer = await send(world, request);
        called.add(operation);
        const isRefused = answer.status >= 300;
        const fault =
          faultOf(operation, answer) ??
          (isRefused === notTaken.has(`${operation.id} ${what}`) ? undefined : `${answer.status} ${answer.text}`);
        if (!isRefused) await arranged.after?.(jsonOf(answer));
        if (fault === undefined) return [];
        return [`${operation.id} ${what}: ${fault}\n  to ${JSON.stringify(request.query)} ${start(request.body)}`];
      }

      test('valid input is taken, and answered as published', async () => {
        const faults: string[] = [];
        for (const operation of version.operations)
          for (const extent of extentsOf(operation))
            faults.push(...(await faultsOf(operation, extent, (at) => validRequest(operation, at, extent))));
        assert.deepEqual(faults, []);
      });

      test('every published example is taken', async () => {
        const faults: string[] = [];
        for (const operation of version.operations)
          for (const [file, example] of operation.examples)
            faults.push(...(await faultsOf(operation, file, (at) => exampleRequest(operation, example, at))));
        assert.deepEqual(faults, []);
      });

      test('what is wrong is refused, in the words of the version', async () => {
        const faults: string[] = [];
        for (const operation of version.operations) {
          const arranged = await arrange(operation.id);
          for (const { what, request, spoilt, mustRefuse } of spoil(validRequest(operation, place(arranged), 'all'))) {
            const answer = await send(world, request, spoilt);
            const fault = faultOf(operation, answer) ?? (mustRefuse && answer.status < 400 ? 'taken' : undefined);
            if (fault !== undefined) faults.push(`${operation.id}, ${what}: ${fault}`);
          }
          await arranged.after?.({}).catch(() => undefined);
        }
        assert.deepEqual(faults, []);
      });
    });
  }

  test('every published code can come about, or it is said why not', () => {
    const codes = new Set(versions.flatMap((version) => [...(version.codes ?? [])]));
    assert.deepEqual([...codes].sort(), [...Object.keys(raising), ...Object.keys(unreachable)].sort());
  });

  test('no operation of any version was left uncalled', () => {
    const left = operations.filter((one) => !called.has(one)).map(nameOf);
    assert.deepEqual(left, []);
    assert.ok(operations.length > 400);
  });
});

/** With all that can be said, and where something need not be, without. */
const extentsOf = ({ parameters }: PublishedOperation): readonly ('all' | 'required')[] =>
  parameters.some((one) => one.in === 'query' && !one.required) ? ['required', 'all'] : ['all'];

const start = (body: unknown): string =>
  body instanceof Uint8Array ? 'bytes' : String(JSON.stringify(body)).slice(0, 300);

const jsonOf = ({ headers, text }: Answer): unknown =>
  headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : undefined;
