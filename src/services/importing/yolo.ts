import { basename, dirname } from 'node:path/posix';
import type { AppError } from '../../base/errors.ts';
import { boxFault, bytesIn, type Folder, labelsFault, mayBePicture } from './files.ts';
import type { Fault } from './report.ts';
import type { SourcePicture } from './source.ts';

/** Bytes of one file of labels. */
const mostText = 1024 * 1024;

/**
 * Pictures with YOLO labels (docs.ultralytics.com/datasets/detect): `labels/…/x.txt` for `images/…/x.jpg`, or beside the
 * picture; a line is a class, then centre, width and height in parts of the picture, or the corners of a polygon. Names
 * of classes stand in `data.yaml`, `classes.txt` or `obj.names`. Pictures without labels come without tags.
 */
export async function yoloPictures(folder: Folder): Promise<{
  readonly names: readonly string[];
  readonly total: number;
  pictures(): AsyncGenerator<SourcePicture | Fault>;
}> {
  const { paths, faults } = await folder.files();
  const { names, file } = await classNames(folder, paths);
  const pictures = paths.filter(mayBePicture);
  const labels = new Set(paths.filter((path) => path.endsWith('.txt') && path !== file));
  return {
    names,
    total: pictures.length,
    async *pictures() {
      yield* faults;
      if (file === undefined)
        yield labelsFault('.', 'There is no data.yaml, classes.txt or obj.names: classes have no names.');
      for (const path of pictures) {
        const label = labelsOf(path).find((one) => labels.has(one));
        const regions: SourcePicture['regions'][number][] = [];
        if (label !== undefined) {
          labels.delete(label);
          for await (const one of regionsIn(folder, label, names)) {
            if ('fault' in one) yield one;
            else regions.push(one);
          }
        }
        yield { item: path, tags: [], regions, metadata: null, bytes: bytesIn(folder, path) };
      }
      for (const path of labels)
        if (/(^|\/)labels\//.test(path))
          yield {
            fault: 'picture',
            item: path,
            code: 'ErrorSource',
            reason: 'The picture of these labels is not in the folder.',
          };
    },
  };
}

/** Where the labels of a picture may lie. */
function labelsOf(path: string): string[] {
  const text = path.replace(/\.[^./]+$/, '.txt');
  const at = `/${text}`.lastIndexOf('/images/');
  return at < 0 ? [text] : [`${text.slice(0, at)}labels/${text.slice(at + 'images/'.length)}`, text];
}

async function* regionsIn(
  folder: Folder,
  path: string,
  names: readonly string[],
): AsyncGenerator<SourcePicture['regions'][number] | Fault> {
  let text: string;
  try {
    text = (await folder.read(path, mostText)).toString('utf8');
  } catch (error) {
    yield labelsFault(path, (error as AppError).message);
    return;
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const item = `${path}: line ${index + 1}`;
    const [number, ...values] = line.trim().split(/\s+/).map(Number) as [number, ...number[]];
    const key = names[number];
    const box = boxOf(values);
    if (key === undefined) yield labelsFault(item, `Its class ${number} has no name.`, 'ErrorInvalidTag');
    else if (box === undefined) yield boxFault(item, 'Expected a class and four numbers, or a polygon.');
    else yield { key, box };
  }
}

function boxOf(values: readonly number[]) {
  if (values.some(Number.isNaN)) return undefined;
  if (values.length === 4 || values.length === 5) {
    const [x, y, width, height] = values as [number, number, number, number];
    return { left: x - width / 2, top: y - height / 2, width, height };
  }
  if (values.length < 6 || values.length % 2 !== 0) return undefined;
  const xs = values.filter((_, index) => index % 2 === 0);
  const ys = values.filter((_, index) => index % 2 === 1);
  const least = (all: readonly number[]): number => all.reduce((a, b) => Math.min(a, b));
  const most = (all: readonly number[]): number => all.reduce((a, b) => Math.max(a, b));
  return { left: least(xs), top: least(ys), width: most(xs) - least(xs), height: most(ys) - least(ys) };
}

/** The names of the classes and the file they stand in. */
async function classNames(
  folder: Folder,
  paths: readonly string[],
): Promise<{ names: readonly string[]; file: string | undefined }> {
  const shallow = [...paths].sort((a, b) => dirname(a).length - dirname(b).length);
  for (const path of shallow.filter((one) => /\.ya?ml$/i.test(one))) {
    const names = namesInYaml((await folder.read(path, mostText)).toString('utf8'));
    if (names !== undefined) return { names, file: path };
  }
  const list = shallow.find((one) => /^(classes\.txt|.*\.names)$/i.test(basename(one)));
  if (list === undefined) return { names: [], file: undefined };
  const lines = (await folder.read(list, mostText)).toString('utf8').split('\n');
  return { names: lines.map((line) => line.trim()).filter((line) => line !== ''), file: list };
}

/**
 * What stands under `names` in a file of YAML as such sets have it: a list in brackets, with dashes, or by number. A
 * name in quotes is read as JSON is.
 */
export function namesInYaml(text: string): string[] | undefined {
  const lines = text.split(/\r?\n/);
  const start = lines.findIndex((line) => /^names\s*:/.test(line));
  if (start < 0) return undefined;
  const names: string[] = [];
  const rest = lines[start]!.replace(/^names\s*:/, '').trim();
  if (rest.startsWith('[') || rest.startsWith('{')) {
    for (const [index, item] of flowItems([rest, ...lines.slice(start + 1)].join(' ')).entries()) {
      const [, number, name] = /^(\d{1,5})\s*:\s*(.+)$/.exec(item) ?? [];
      names[number === undefined ? index : Number(number)] = scalar(name ?? item);
    }
    return names;
  }
  for (const line of lines.slice(start + 1)) {
    if (line.trim() === '' || /^\s*#/.test(line)) continue;
    const [, number, named, dashed] = /^\s*(?:(\d{1,5})\s*:\s*(.+)|-\s+(.+))$/.exec(line) ?? [];
    if (dashed !== undefined) names.push(scalar(dashed));
    else if (named !== undefined) names[Number(number)] = scalar(named);
    else break;
  }
  return names;
}

/** What stands between the brackets that a text begins with, between its commas. */
function flowItems(text: string): string[] {
  const items = [''];
  let quote = '';
  for (const character of text.slice(1)) {
    if (quote === '' && (character === ']' || character === '}')) break;
    if (quote === '' && character === ',') {
      items.push('');
      continue;
    }
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    items[items.length - 1] += character;
  }
  return items.map((item) => item.trim()).filter((item) => item !== '');
}

function scalar(text: string): string {
  // No name of a tag is as long.
  const value = text.trim().slice(0, 1000);
  if (value.startsWith("'")) return value.slice(1, value.lastIndexOf("'")).replaceAll("''", "'");
  if (!value.startsWith('"')) return value.replace(/\s+#.*$/, '');
  try {
    return String(JSON.parse(value.slice(0, value.lastIndexOf('"') + 1)));
  } catch {
    return value;
  }
}
