import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problem } from '../domain/problems.ts';
import { toProblem } from './errors.ts';

test('what the framework, the disk and the client do wrong has its own code; the rest is ours', () => {
  const codes: Readonly<Record<string, string>> = {
    FST_ERR_CTP_BODY_TOO_LARGE: 'PayloadTooLarge',
    FST_STATIC_FORBIDDEN_PATH: 'NotFound',
    FST_ERR_MAX_PARAM_LENGTH: 'NotFound',
    ECONNRESET: 'BadRequest',
    ENOSPC: 'ErrorStorageFull',
    EACCES: 'ErrorUnknown',
  };
  for (const [code, wanted] of Object.entries(codes))
    assert.equal(toProblem(Object.assign(new Error(code), { code })).code, wanted, code);
  assert.equal(toProblem(problem('NotFoundTag')).code, 'NotFoundTag');
  assert.equal(toProblem('thrown').code, 'ErrorUnknown');
  assert.equal(toProblem(AbortSignal.abort().reason).code, 'ErrorPredictionServiceUnavailable');
});
