/** Every operation of every version is asked for what is right, nearly right and wrong in every way. */
import { test } from 'node:test';
import { fuzz } from './fuzz.ts';
import { everyRoute } from './routes.ts';

const [requests, rounds] = [10_000, 4];

test('ten thousand requests of any kind do no harm', { timeout: 1_800_000 }, (t) =>
  fuzz(t, { routes: everyRoute, each: Math.ceil(requests / rounds / everyRoute.length), rounds, trained: true }),
);
