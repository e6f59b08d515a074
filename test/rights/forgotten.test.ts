import { test } from 'node:test';
import { assertForgotten } from './forgotten.ts';

test('what has forgotten pictures equals to the last bit what never had them', (t) => assertForgotten(t, 6, 1));
