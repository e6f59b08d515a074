import type { Micros } from '../base/clock.ts';

/**
 * `JSON.rawJSON` of ECMAScript's "JSON.parse source text access": a token that `JSON.stringify` copies as it stands.
 */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** Years 0..9999 as ISO 8601 writes them; `micros` may be any whole number. */
const iso = (micros: Micros): string => new Date(Math.floor(micros / 1000)).toISOString();

/** Projects, iterations, predictions: UTC, exactly three digits of a second and `Z`: `2019-09-16T15:03:38.840Z`. */
export const dateWithZone = (micros: Micros): string => iso(micros);

/** Images, their tags and regions: UTC, seven digits and no zone: `2019-09-16T15:09:02.6993340`. */
export function dateWithoutZone(micros: Micros): string {
  const fraction = String(((micros % 1_000_000) + 1_000_000) % 1_000_000).padStart(6, '0');
  return `${iso(micros).slice(0, 19)}.${fraction}0`;
}

/** A {@link dateWithZone} with seven digits, as predictions were dated before 3.1: `2019-03-15T06:14:58.7870000Z`. */
export const withSevenDigits = (date: string): string => date.replace(/\.(\d{3})Z$/, '.$10000Z');

/** A {@link dateWithoutZone} that says its zone, as dates of images did in 1.x. */
export const withZone = (date: string): string => `${date}Z`;

/** A span of time as ISO 8601 has it, in whole seconds: `P12DT3H4M5S`. */
export function duration(micros: Micros): string {
  const seconds = Math.ceil(micros / 1_000_000);
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  return `P${days}DT${hours % 24}H${minutes % 60}M${seconds % 60}S`;
}

/** A {@link duration} as .NET writes one: `12.03:04:05`. */
export const timeSpan = (iso: string): string => {
  const [days, ...parts] = iso.match(/\d+/g) ?? [];
  return `${days}.${parts.map((part) => part.padStart(2, '0')).join(':')}`;
};

const datePattern = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?$/i;

/** The moment an ISO 8601 date names, to the microsecond; without a zone it is UTC. `undefined` unless it is one. */
export function parseDate(text: string): Micros | undefined {
  const match = datePattern.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, dayOfMonth, hours = '00', minutes = '00', seconds = '00', fraction = '', zone = 'Z'] = match;
  const milliseconds = Date.parse(`${year}-${month}-${dayOfMonth}T${hours}:${minutes}:${seconds}${zone.toUpperCase()}`);
  if (Number.isNaN(milliseconds)) return undefined;
  return milliseconds * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6));
}

/**
 * `value` rounded to single precision and written as the service does: seven significant digits where they suffice to
 * read the same single back, else nine; a decimal point always (`1.0`), `E` below 0.0001 (`8.79471951E-13`).
 * Typed as the number it stands for; really a raw token for `JSON.stringify`. @throws RangeError unless finite.
 */
export const float = (value: number): number => rawJSON(floatText(value)) as number;

/** The text of {@link float}. */
export function floatText(value: number): string {
  if (!Number.isFinite(value))
    throw new RangeError(`expected a finite number for a float of an answer but received ${value}`);
  const single = Math.fround(value);
  if (single === 0) return '0.0';
  const seven = single.toExponential(6);
  const [mantissa, power] = (Math.fround(Number(seven)) === single ? seven : single.toExponential(8)).split('e') as [
    string,
    string,
  ];
  const digits = mantissa.replace(/\.?0+$/, '');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 7) {
    const fixed = Number(`${digits}e${exponent}`).toFixed(
      Math.max(0, digits.replace(/^-?\d\.?/, '').length - exponent),
    );
    return fixed.includes('.') ? fixed : `${fixed}.0`;
  }
  return `${digits}E${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
