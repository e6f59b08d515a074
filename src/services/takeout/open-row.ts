import { tableCustody } from '../../store/custody.ts';
import { type PlainForm, tableTakeout } from '../../store/custody-takeout.ts';
import type { KeyScope, Keys } from '../../store/keys.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';

/** How each column of a taken table is held, and what a sealed one holds when it is opened. */
export function columnsOf(table: keyof Tables): readonly (readonly [name: string, held: string, form?: PlainForm])[] {
  const takeout = tableTakeout[table];
  const opened = 'opened' in takeout ? (takeout.opened as Readonly<Record<string, PlainForm>>) : {};
  return Object.entries(tableCustody[table].columns).map(([name, held]) =>
    opened[name] === undefined ? [name, held] : [name, held, opened[name]],
  );
}

/** The values of a row that identify it, joined as its ciphertext is bound to them. */
export const rowId = (table: keyof Tables, row: AnyRow): string =>
  tableCustody[table].key.map((column) => row[column]).join('/');

/**
 * A row with its texts in the clear, as the archive holds it: without lookups, and without secrets. @throws AppError
 * `Sealed`, `KeyMissing`.
 */
export function openRow(keys: Keys, scope: KeyScope, table: keyof Tables, row: AnyRow): Record<string, unknown> {
  const open: Record<string, unknown> = {};
  for (const [name, held, form] of columnsOf(table)) {
    const value = row[name];
    if (held === 'lookup' || form === 'never') continue;
    if (form === undefined || value === null) open[name] = value;
    else {
      const sealScope = held === 'sealed by account key' ? { accountId: scope.accountId } : scope;
      const thing = { ...sealScope, kind: `${table}.${name}`, id: rowId(table, row) };
      open[name] = decode(form, keys.open(thing, value as Uint8Array));
    }
  }
  return open;
}

function decode(form: PlainForm, bytes: Buffer): unknown {
  if (form === 'text') return bytes.toString('utf8');
  if (form !== 'float32') return JSON.parse(bytes.toString('utf8'));
  return Array.from(new Float32Array(new Uint8Array(bytes).buffer));
}

/** The inverse of {@link openRow} for one sealed value. */
export function encodeColumn(form: PlainForm, value: unknown): Uint8Array {
  if (form === 'text') return Buffer.from(value as string);
  if (form !== 'float32') return Buffer.from(JSON.stringify(value));
  return new Uint8Array(Float32Array.from(value as number[]).buffer);
}
