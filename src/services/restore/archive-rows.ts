import { isId } from '../../base/id.ts';
import { imageFormats } from '../../domain/image.ts';
import { tableCustody } from '../../store/custody.ts';
import type { PlainForm } from '../../store/custody-takeout.ts';
import { addedColumns } from '../../store/migrate.ts';
import type { AnyRow } from '../../store/rows.ts';
import type { Tables } from '../../store/schema.ts';
import { rowsFile } from '../takeout/layout.ts';
import { columnsOf } from '../takeout/open-row.ts';
import { assertSame, badArchive, type CheckedBag, parseJson } from './bag-check.ts';

/** Bytes of one part of a table's rows: far more than a takeout writes. */
const mostPart = 64 * 1024 * 1024;

/** Words that the program acts on: any other would be a state it does not know. */
const words: Readonly<Record<string, readonly unknown[]>> = {
  'projects.status': ['Succeeded'],
  'projects.classification_type': ['Multiclass', 'Multilabel', null],
  'tags.type': ['Regular', 'Negative', 'GeneralProduct'],
  'images.format': imageFormats,
  'predictions.format': imageFormats,
  'iterations.status': ['Training', 'Completed', 'Failed', 'Imported'],
  'iterations.classification_type': ['Multiclass', 'Multilabel', null],
  'iterations.rebuild': ['Waiting', 'Failed', null],
  'iterations.training_type': ['Regular', 'Advanced'],
  'exports.status': ['Exporting', 'Failed', 'Done'],
};

/**
 * A table's rows in the archive, opened, in order, each column of the kind it must be. @throws AppError `BadArchive`
 * naming file and line.
 */
export async function* rowsIn(
  { payload }: CheckedBag,
  projectId: string | undefined,
  table: keyof Tables,
): AsyncGenerator<AnyRow> {
  for (let part = 1; ; part++) {
    const file = payload.get(rowsFile(projectId, table, part));
    if (file === undefined) return;
    const bytes = await file.read(mostPart);
    assertSame(file, bytes);
    const lines = bytes.toString('utf8').split('\n');
    for (const [index, line] of lines.entries()) {
      if (line === '' && index === lines.length - 1) continue;
      const where = `${file.name}, line ${index + 1}`;
      yield checkedRow(table, parseJson(line, where), where);
    }
  }
}

/** The row, as a migration leaves it when an older version took it out. */
function checkedRow(table: keyof Tables, value: unknown, where: string): AnyRow {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badArchive('an object', where, value);
  const row: Record<string, unknown> = { ...value };
  const columns = columnsOf(table).filter(([, held, form]) => held !== 'lookup' && form !== 'never');
  for (const [name] of columns) if (!Object.hasOwn(row, name)) row[name] = addedColumns.get(`${table}.${name}`);
  const extra = Object.keys(row).find((name) => !columns.some(([column]) => column === name));
  if (extra !== undefined) throw badArchive('only columns there are', where, extra);
  for (const [name, held, form] of columns) {
    const allowed = words[`${table}.${name}`];
    const isKey = (tableCustody[table].key as readonly string[]).includes(name);
    const good =
      allowed !== undefined
        ? allowed.includes(row[name])
        : row[name] === null
          ? !isKey
          : form === undefined
            ? isClear(held, row[name])
            : isOpened(form, row[name]);
    if (!good) throw badArchive(form ?? held, `${name} in ${where}`, row[name]);
  }
  return row;
}

function isClear(held: string, value: unknown): boolean {
  switch (held) {
    case 'id':
      return typeof value === 'string' && isId(value) && value === value.toLowerCase();
    case 'ids':
      return typeof value === 'string' && /^\[("[0-9a-f-]{36}"(,"[0-9a-f-]{36}")*)?\]$/.test(value);
    case 'time':
    case 'number':
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case 'flag':
      return value === 0 || value === 1;
    default:
      return typeof value === 'string' && value.length <= 1000;
  }
}

const isOpened = (form: PlainForm, value: unknown): boolean =>
  form === 'text'
    ? typeof value === 'string'
    : form === 'float32'
      ? Array.isArray(value) && value.every((one) => typeof one === 'number' && Number.isFinite(one))
      : value !== undefined;
