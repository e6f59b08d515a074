import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dateWithoutZone, dateWithZone, float, floatText, parseDate, withSevenDigits } from './json.ts';

test('floats are written as recorded answers write them', () => {
  // Every text here stands in a recorded answer of the service.
  for (const text of [
    '1.0',
    '0.0',
    '0.295343131',
    '8.79471951E-13',
    '3.60627153E-12',
    '0.9999961',
    '0.0249909777',
    '0.351519644',
    '0.0192608833',
    '0.311661661',
    '0.7785555',
    '0.302729517',
    '0.4764933',
    '0.001578927',
    '0.2774629',
    '0.8235794',
    '0.4973545',
    '0.00460800529',
    '0.378543377',
    '0.162310928',
    '0.280251384',
    '0.6579386',
  ])
    assert.equal(floatText(Number(text)), text);
});

test('a float reads back as the same single, whatever its size', () => {
  let seed = 1;
  for (let i = 0; i < 5000; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const value = new Float32Array(new Uint32Array([seed]).buffer)[0]!;
    if (!Number.isFinite(value)) continue;
    const text = floatText(value);
    assert.equal(Math.fround(Number(text)) + 0, value + 0, text);
    assert.match(text, /^-?\d+(\.\d+)?(E[+-]\d\d)?$/);
  }
  assert.equal(floatText(0.00001), '1E-05');
  assert.equal(floatText(0.0001), '0.0001');
  assert.equal(floatText(-0.25), '-0.25');
  assert.equal(floatText(1234567), '1234567.0');
  assert.throws(() => floatText(Number.NaN), RangeError);
  assert.equal(JSON.stringify({ probability: float(1) }), '{"probability":1.0}');
});

test('the two kinds of date, to the digit', () => {
  const moment = Date.parse('2019-09-16T15:09:02Z') * 1000 + 699334;
  assert.equal(dateWithZone(moment), '2019-09-16T15:09:02.699Z');
  assert.equal(dateWithoutZone(moment), '2019-09-16T15:09:02.6993340');
  assert.equal(dateWithZone(Date.parse('2019-09-16T15:03:38.84Z') * 1000), '2019-09-16T15:03:38.840Z');
  assert.equal(dateWithoutZone(Date.parse('2019-09-16T15:03:38Z') * 1000), '2019-09-16T15:03:38.0000000');
  assert.equal(withSevenDigits('2019-03-15T06:14:58.787Z'), '2019-03-15T06:14:58.7870000Z');
});

test('dates are read with and without zone and digits', () => {
  const second = Date.parse('2019-09-16T15:09:02Z') * 1000;
  assert.equal(parseDate('2019-09-16T15:09:02Z'), second);
  assert.equal(parseDate('2019-09-16T15:09:02'), second);
  assert.equal(parseDate('2019-09-16T15:09:02.6993342'), second + 699334);
  assert.equal(parseDate('2019-09-16T17:09:02.5+02:00'), second + 500000);
  assert.equal(parseDate('2019-09-16'), Date.parse('2019-09-16T00:00:00Z') * 1000);
  for (const no of ['', 'yesterday', '2019-13-16T15:09:02Z', '16/09/2019', '2019-09-16T25:00:00Z'])
    assert.equal(parseDate(no), undefined, no);
});
