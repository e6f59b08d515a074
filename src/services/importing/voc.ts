import { basename, dirname, join } from 'node:path/posix';
import type { AppError } from '../../base/errors.ts';
import { boxFault, bytesIn, type Folder, labelsFault, mayBePicture } from './files.ts';
import type { Fault } from './report.ts';
import type { SourcePicture } from './source.ts';
import { child, type Element, parseXml, textIn } from './xml.ts';

/** Bytes of one annotation: three hundred boxes take a tenth of it. */
const mostXml = 1024 * 1024;

/**
 * Pictures with Pascal VOC annotations: one XML file each, with corners in pixels counted from 1. Pictures without one
 * come without tags, after the others.
 */
export async function* vocPictures(folder: Folder): AsyncGenerator<SourcePicture | Fault> {
  const { paths, faults } = await folder.files();
  yield* faults;
  const pictures = new Set(paths.filter(mayBePicture));
  const byName = new Map<string, string[]>();
  for (const path of pictures) {
    const name = basename(path).toLowerCase();
    for (const key of [name, name.replace(/\.[^.]+$/, '')]) byName.set(key, [...(byName.get(key) ?? []), path]);
  }
  for (const path of paths.filter((one) => one.toLowerCase().endsWith('.xml'))) {
    let root: Element;
    try {
      root = parseXml((await folder.read(path, mostXml)).toString('utf8'));
    } catch (error) {
      yield labelsFault(path, (error as AppError).message);
      continue;
    }
    if (root.name !== 'annotation') continue;
    const picture = pictureOf(path, root, pictures, byName);
    if (picture === undefined) {
      yield { fault: 'picture', item: path, code: 'ErrorSource', reason: 'Its picture is not in the folder.' };
      continue;
    }
    pictures.delete(picture);
    yield* annotated(folder, path, picture, root);
  }
  for (const path of pictures)
    yield { item: path, tags: [], regions: [], metadata: null, bytes: bytesIn(folder, path) };
}

function* annotated(folder: Folder, path: string, picture: string, root: Element): Generator<SourcePicture | Fault> {
  const size = child(root, 'size');
  const [width, height] = [Number(textIn(size, 'width')), Number(textIn(size, 'height'))];
  const of = width > 0 && height > 0 ? { width, height } : undefined;
  const regions: SourcePicture['regions'][number][] = [];
  for (const [index, object] of root.children.filter((one) => one.name === 'object').entries()) {
    const item = `${path}: object ${index + 1}`;
    const key = textIn(object, 'name');
    const box = child(object, 'bndbox');
    const [xmin, ymin, xmax, ymax] = ['xmin', 'ymin', 'xmax', 'ymax'].map((name) => {
      const value = textIn(box, name);
      return value === '' ? Number.NaN : Number(value);
    }) as [number, number, number, number];
    if (key === '') yield labelsFault(item, 'It has no name.', 'ErrorInvalidTag');
    else if ([xmin, ymin, xmax, ymax].some(Number.isNaN)) yield boxFault(item, 'It has no bndbox of four numbers.');
    else regions.push({ key, box: { pixels: [xmin - 1, ymin - 1, xmax - xmin + 1, ymax - ymin + 1], of } });
  }
  yield { item: picture, tags: [], regions, metadata: null, bytes: bytesIn(folder, picture) };
}

/** The picture an annotation is of: by its name in the usual places, else the only one of this name. */
function pictureOf(
  path: string,
  root: Element,
  pictures: ReadonlySet<string>,
  byName: ReadonlyMap<string, readonly string[]>,
): string | undefined {
  const name = textIn(root, 'filename').split(/[\\/]/).at(-1)!;
  const above = dirname(dirname(path));
  const places = [textIn(root, 'folder'), 'JPEGImages', 'images'].map((place) => join(above, place));
  const usual = [...places, dirname(path)].map((place) => join(place, name)).find((one) => pictures.has(one));
  if (usual !== undefined) return usual;
  const own = basename(path)
    .toLowerCase()
    .replace(/\.xml$/, '');
  return [name.toLowerCase(), own].flatMap((one) => byName.get(one) ?? []).find((one) => pictures.has(one));
}
