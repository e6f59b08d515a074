import { test } from 'node:test';
import { assertForgotten } from './forgotten.ts';

test('of a hundred random pictures: what has forgotten them equals to the last bit what never had them', (t) =>
  assertForgotten(t, 100, 2));
