import type { Micros } from '../../base/clock.ts';
import { isId } from '../../base/id.ts';

/** An object of JSON that somebody else wrote: nothing of it is sure. */
export type Told = Readonly<Record<string, unknown>>;

/** The object, or an empty one. */
export const told = (value: unknown): Told =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Told) : {};

/** The objects of a list; none when it is no list. */
export const toldList = (value: unknown): Told[] => (Array.isArray(value) ? value.map(told) : []);

/** A text that is not empty. */
export const toldText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A finite number. */
export const toldNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

/** An id, in lower case. */
export const toldId = (value: unknown): string | undefined =>
  typeof value === 'string' && isId(value) ? value.toLowerCase() : undefined;

/** A moment in ISO 8601 with up to seven digits of a second; without a zone it is UTC, as Azure means it. */
export function toldTime(value: unknown): Micros | undefined {
  const [, date, digits = '', zone = 'Z'] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/.exec(String(value)) ?? [];
  const ms = date === undefined ? Number.NaN : Date.parse(`${date}${zone}`);
  return ms > 0 ? ms * 1000 + Number(digits.padEnd(6, '0').slice(0, 6)) : undefined;
}
