import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { isProblemCode } from '../../src/domain/problems.ts';
import { runOwnsight } from '../fixtures/server.ts';
import { inspect } from '../forensic/inspector.ts';
import { type Attempt, attempts, broken, type Route } from './attempt.ts';
import { type Answer, exchange, stall } from './exchange.ts';
import { openWorld, type World } from './world.ts';
import { written } from './written.ts';

/** What is tried. */
export interface Fuzzing {
  readonly routes: readonly Route[];
  /** Requests of each route in a round. */
  readonly each: number;
  readonly rounds: number;
  /** Whether there is something trained. */
  readonly trained: boolean;
}

/** When no more is asked, ms: a machine that is busy asks less. */
const timeLimit = 1_200_000;
/** Requests at once, and after how many routes what was deleted is planted anew. */
const lanes = 4;
const tendEvery = 10;
/** Bytes that may be held longer after a round than after the one before: caches fill. */
const growth = 32 << 20;

/**
 * Asks a server for what is right, nearly right and wrong: nothing fails inside, every refusal is one of the catalogue,
 * nothing of another account is told, memory does not grow from round to round, and all is well in the end.
 */
export async function fuzz(t: TestContext, { routes, each, rounds, trained }: Fuzzing): Promise<void> {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
  t.diagnostic(`FUZZ_SEED=${seed} asks for the same again`);
  const world = await openWorld(t, trained);
  const { server } = world;
  const inspector = await inspect(server.output());
  t.after(() => inspector.close());
  const wrong: string[] = [];
  const counts = new Map<number | undefined, number>();
  const used: number[] = [];
  const end = performance.now() + timeLimit;
  for (let round = 0; round < rounds; round++) {
    const waiting = routes.entries();
    const lane = async () => {
      for (const [n, route] of waiting) {
        if (performance.now() > end) return;
        if (n % tendEvery === 0) await world.tend();
        for (const attempt of fc.sample(attempts(route), { seed: seed + round * routes.length + n, numRuns: each })) {
          const { answer, faults } = await once(world, route, attempt);
          counts.set(answer?.status, (counts.get(answer?.status) ?? 0) + 1);
          for (const fault of faults) wrong.push(`${route.name}: ${fault}\n${fc.stringify(attempt)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    used.push(await inspector.used());
  }
  t.diagnostic(
    `answers to ${[...counts.values()].reduce((sum, n) => sum + n, 0)}: ${[...counts].map(([status, n]) => `${n} x ${status ?? 'none'}`).join(', ')}`,
  );
  t.diagnostic(`held after each round: ${used.map((bytes) => `${Math.round(bytes / 2 ** 20)} MB`).join(', ')}`);
  assert.equal(wrong.length, 0, `${wrong.length} faults:\n${wrong.slice(0, 20).join('\n')}\n${server.output()}`);
  assert.equal(server.ended(), null, server.output());
  assert.doesNotMatch(server.output(), /request-failed/);
  assert.ok(
    used.every((bytes, n) => n === 0 || bytes < used[n - 1]! + growth),
    'memory does not grow',
  );
  const upload = `POST /customvision/v3.3/training/projects/${crypto.randomUUID()}/images HTTP/1.1\r\nHost: here\r\nTraining-Key: ${server.trainingKey}\r\nContent-Length: 9000000\r\n\r\n`;
  const stalled = [
    ...(await stall(server.endpoint, `${upload}${'x'.repeat(10_000)}`, 200)),
    ...(await stall(server.endpoint, upload.slice(0, 50), 100)),
  ];
  const asked = performance.now();
  assert.equal((await fetch(`${server.endpoint}/health`)).status, 200);
  assert.ok(performance.now() - asked < 2000, 'it answers as quickly as before, whoever says no more');
  for (const socket of stalled) socket.destroy();
  // A process waits for its inspector to go.
  inspector.close();
  assert.equal(await server.stop(), 0);
  const doctor = await runOwnsight(server.home, ['doctor']);
  assert.deepEqual(doctor, { code: 0, output: 'All rows, files and keys agree.\n' });
}

async function once(
  world: World,
  route: Route,
  attempt: Attempt,
): Promise<{ answer: Answer | undefined; faults: string[] }> {
  const { pieces, leaves } = written(attempt, world.filling(route, attempt), world.picture);
  // What goes on and on is listened to until it says something.
  const answer = await exchange(world.server.endpoint, { pieces, leaves, endless: route.reply === 'events' });
  const faults = world.leaked(answer?.body ?? Buffer.alloc(0), pieces).map((secret) => `told ${secret}`);
  const fault = faultOf(answer, attempt);
  return { answer, faults: fault === undefined ? faults : [...faults, fault] };
}

/** Statuses of a server that is well but cannot: full, or stopping. */
const excused: readonly number[] = [503, 507];

function faultOf(answer: Answer | undefined, { method, transport, body }: Attempt): string | undefined {
  if (answer === undefined)
    return method === 'CONNECT' || (broken.has(transport) && body.kind !== 'none') ? undefined : 'no answer';
  const { status } = answer;
  const text = answer.body.toString();
  if (status >= 500 && !excused.includes(status)) return `${status} ${text}`;
  if (status < 400 || method === 'HEAD') return undefined;
  try {
    const refusal = Object.fromEntries(
      Object.entries(JSON.parse(text) as object).map(([name, value]) => [name.toLowerCase(), value as unknown]),
    );
    const known = typeof refusal.code === 'string' && isProblemCode(refusal.code);
    if (known && typeof refusal.message === 'string' && refusal.message !== '') return undefined;
  } catch {
    // Told below.
  }
  return `expected a code and a message but received ${status} ${text.slice(0, 500)}`;
}
