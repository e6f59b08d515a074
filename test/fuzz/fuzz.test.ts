/** Every operation is asked for what is right, nearly right and wrong in every way. */
import { test } from 'node:test';
import { fuzz } from './fuzz.ts';
import { newestRoutes } from './routes.ts';

test('a few hundred requests of any kind do no harm', (t) =>
  fuzz(t, { routes: newestRoutes, each: 3, rounds: 1, trained: false }));
