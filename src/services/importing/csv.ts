import { join } from 'node:path/posix';
import { AppError, expected } from '../../base/errors.ts';
import { boxFault, bytesIn, type Folder, labelsFault, mostLabels } from './files.ts';
import type { Fault } from './report.ts';
import type { SourceBox, SourcePicture } from './source.ts';
import { told, toldList, toldNumber, toldText } from './told.ts';

/** What a column may be called, by what it holds. */
const columns = {
  file: ['file', 'filename', 'file_name', 'image', 'path', 'image_path'],
  tag: ['tag', 'label', 'class', 'category'],
  tags: ['tags', 'labels'],
  regions: ['regions'],
  metadata: ['metadata'],
  width: ['width'],
  height: ['height'],
  xmin: ['xmin', 'x_min'],
  ymin: ['ymin', 'y_min'],
  xmax: ['xmax', 'x_max'],
  ymax: ['ymax', 'y_max'],
} as const;
type Column = keyof typeof columns;

interface Row {
  readonly fields: readonly string[];
  /** From 1. */
  readonly line: number;
}

interface Picture {
  readonly tags: Set<string>;
  readonly regions: SourcePicture['regions'][number][];
  metadata: Record<string, string> | null;
}

/**
 * Pictures listed in a CSV with a header: one line a picture as a takeout writes it (`tags`, `regions`, `metadata` are
 * JSON), or a line for each tag (`filename,tag`) or box (`filename,width,height,class,xmin,ymin,xmax,ymax` in pixels).
 * Paths are from the file's folder, or below `images`.
 */
export async function* csvPictures(
  folder: Folder,
  file: string | undefined,
  images: string | undefined,
): AsyncGenerator<SourcePicture | Fault> {
  const { paths } = await folder.files();
  const own = paths.filter((path) => path.toLowerCase().endsWith('.csv') && !path.includes('/'));
  const path = file ?? (own.includes('images.csv') ? 'images.csv' : own.length === 1 ? own[0] : undefined);
  if (path === undefined)
    throw new AppError('ImportRefused', expected('one CSV file, or images.csv', 'the folder', own.length));
  const rows = csvRows((await folder.read(path, mostLabels)).toString('utf8'));
  const head = rows.next();
  const header = (head.done === true ? [] : head.value.fields).map((name) => name.trim().toLowerCase());
  const at = Object.fromEntries(
    Object.entries(columns).map(([column, names]) => [
      column,
      header.findIndex((name) => (names as readonly string[]).includes(name)),
    ]),
  ) as Record<Column, number>;
  if (at.file < 0) {
    yield labelsFault(path, `Expected a column for the picture (${columns.file.join(', ')}) in the first line.`);
    return;
  }
  const found = new Map<string, Picture>();
  for (const { fields, line } of rows) {
    const value = (column: Column): string => (at[column] < 0 ? '' : (fields[at[column]] ?? '').trim());
    const name = value('file');
    if (name === '') {
      if (fields.some((field) => field.trim() !== ''))
        yield labelsFault(`${path}: line ${line}`, 'It names no picture.');
      continue;
    }
    const picture = found.get(name) ?? { tags: new Set(), regions: [], metadata: null };
    found.set(name, picture);
    yield* labelsIn(value, picture, `${path}: line ${line}`);
  }
  for (const [name, { tags, regions, metadata }] of found) {
    const places = [...(images === undefined ? [] : [images]), '.', 'images'];
    let there: string | undefined;
    for (const place of places)
      if (there === undefined && (await folder.has(join(place, name)))) there = join(place, name);
    if (there === undefined)
      yield { fault: 'picture', item: name, code: 'ErrorSource', reason: 'There is no such picture in the folder.' };
    else
      yield { item: there, tags: [...tags].map((key) => ({ key })), regions, metadata, bytes: bytesIn(folder, there) };
  }
}

function* labelsIn(value: (column: Column) => string, picture: Picture, item: string): Generator<Fault> {
  const json = (column: Column): unknown => {
    try {
      return value(column) === '' ? undefined : JSON.parse(value(column));
    } catch {
      return value(column).split(/[;|]/);
    }
  };
  const tag = value('tag');
  const tags = json('tags');
  for (const name of Array.isArray(tags) ? tags : [])
    if (toldText(name) !== undefined) picture.tags.add(String(name).trim());
  if (tag !== '' && picture.tags.size === 0) picture.tags.add(tag);
  else if (tag !== '' && tags === undefined) picture.tags.add(tag);
  for (const region of toldList(json('regions'))) {
    const [left, top, width, height] = ['left', 'top', 'width', 'height'].map((name) => toldNumber(region[name]));
    const key = toldText(region.tag);
    if (key === undefined || left === undefined || top === undefined || width === undefined || height === undefined)
      yield boxFault(item, 'A region of it has no tag, or no left, top, width and height.');
    else picture.regions.push({ key, box: { left, top, width, height } });
  }
  if (value('xmin') !== '') {
    const [xmin, ymin, xmax, ymax] = (['xmin', 'ymin', 'xmax', 'ymax'] as const).map((one) =>
      Number(value(one) || 'none'),
    );
    const [width, height] = [Number(value('width')), Number(value('height'))];
    const of = width > 0 && height > 0 ? { width, height } : undefined;
    const box: SourceBox = { pixels: [xmin!, ymin!, xmax! - xmin!, ymax! - ymin!], of };
    if (tag === '' || box.pixels.some(Number.isNaN))
      yield boxFault(item, 'It has a box without a class or four numbers.');
    else picture.regions.push({ key: tag, box });
  }
  const metadata = Object.entries(told(json('metadata'))).filter(([, one]) => typeof one === 'string');
  if (metadata.length > 0) picture.metadata = Object.fromEntries(metadata) as Record<string, string>;
}

/** The lines of a CSV (RFC 4180; also with semicolons or tabs, as the first line has them), quotes undone. */
export function* csvRows(text: string): Generator<Row, undefined> {
  const body = text.startsWith('\ufeff') ? text.slice(1) : text;
  const first = body.slice(0, body.search(/[\r\n]|$/));
  const mark = [',', ';', '\t'].reduce((best, one) =>
    first.split(one).length > first.split(best).length ? one : best,
  );
  let [at, line] = [0, 1];
  while (at < body.length) {
    const fields: string[] = [];
    const begun = line;
    for (;;) {
      let field = '';
      if (body[at] === '"') {
        for (;;) {
          const end = body.indexOf('"', at + 1);
          const piece = body.slice(at + 1, end < 0 ? body.length : end);
          field += piece;
          line += piece.split('\n').length - 1;
          at = end < 0 ? body.length : end + 1;
          if (body[at] !== '"') break;
          field += '"';
        }
      }
      let end = at;
      while (end < body.length && body[end] !== mark && body[end] !== '\n') end++;
      field += body.slice(at, end).replace(/\r$/, '');
      fields.push(field);
      at = end + 1;
      if (body[end] !== mark) break;
    }
    line++;
    if (fields.length > 1 || fields[0] !== '') yield { fields, line: begun };
  }
}
