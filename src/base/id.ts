import { randomUUID } from 'node:crypto';

/**
 * A new random id (UUID version 4, lower case). Never derived from content: an id tells nothing about what it names.
 */
export const newId = (): string => randomUUID();

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether `text` is a UUID as the wire writes it, with dashes, in any letter case. */
export const isId = (text: string): boolean => uuid.test(text);

/** The id without dashes, as image and model links write it. */
export const withoutDashes = (id: string): string => id.replaceAll('-', '');

/** The inverse of {@link withoutDashes}; `undefined` unless `text` is 32 hexadecimal digits. */
export function withDashes(text: string): string | undefined {
  if (!/^[0-9a-f]{32}$/i.test(text)) return undefined;
  const t = text.toLowerCase();
  return `${t.slice(0, 8)}-${t.slice(8, 12)}-${t.slice(12, 16)}-${t.slice(16, 20)}-${t.slice(20)}`;
}
