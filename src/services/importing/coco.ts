import { basename, dirname, join } from 'node:path/posix';
import { boxFault, bytesIn, type Folder, labelsFault, mostLabels } from './files.ts';
import type { Fault } from './report.ts';
import type { SourcePicture } from './source.ts';
import { type Told, told, toldList, toldNumber, toldText } from './told.ts';

/**
 * Pictures with COCO annotations (cocodataset.org/#format-data): of one file, or of all such files in the folder, one
 * after the other. Boxes are in pixels of the size the file tells.
 */
export async function* cocoPictures(
  folder: Folder,
  file: string | undefined,
  images: string | undefined,
): AsyncGenerator<SourcePicture | Fault> {
  const { paths } = await folder.files();
  const files = file === undefined ? paths.filter((path) => isCandidate(path)) : [file];
  let found = 0;
  for (const path of files) {
    let content: Told;
    try {
      content = told(JSON.parse((await folder.read(path, mostLabels)).toString('utf8')));
    } catch (error) {
      yield labelsFault(path, error instanceof SyntaxError ? 'It is no JSON.' : (error as Error).message);
      continue;
    }
    if (!Array.isArray(content.images) || !Array.isArray(content.annotations)) {
      if (file !== undefined) yield labelsFault(path, 'It has no lists of images and annotations.');
      continue;
    }
    found++;
    yield* picturesOf(folder, path, content, images);
  }
  if (found === 0 && file === undefined)
    yield labelsFault('.', 'There is no COCO file (*.json with images and annotations).');
}

/** Other files of a takeout are JSON, too. */
const isCandidate = (path: string): boolean =>
  path.endsWith('.json') && path.split('/').length <= 3 && !['project.json', 'croissant.json'].includes(basename(path));

async function* picturesOf(
  folder: Folder,
  file: string,
  content: Told,
  images: string | undefined,
): AsyncGenerator<SourcePicture | Fault> {
  const names = new Map(toldList(content.categories).map((one) => [one.id, toldText(one.name)]));
  const annotations = new Map<unknown, Told[]>();
  for (const one of toldList(content.annotations)) {
    const list = annotations.get(one.image_id);
    if (list === undefined) annotations.set(one.image_id, [one]);
    else list.push(one);
  }
  for (const image of toldList(content.images)) {
    const name = toldText(image.file_name);
    const own = annotations.get(image.id) ?? [];
    annotations.delete(image.id);
    if (name === undefined) {
      yield labelsFault(`${file}: image ${String(image.id)}`, 'The image has no file_name.');
      continue;
    }
    const path = await pathOf(folder, file, name, images);
    if (path === undefined) {
      yield { fault: 'picture', item: name, code: 'ErrorSource', reason: 'There is no such picture in the folder.' };
      continue;
    }
    const [width, height] = [toldNumber(image.width) ?? 0, toldNumber(image.height) ?? 0];
    const of = width > 0 && height > 0 ? { width, height } : undefined;
    const regions: SourcePicture['regions'][number][] = [];
    for (const one of own) {
      const item = `${file}: annotation ${String(one.id)}`;
      const key = names.get(one.category_id);
      const box = Array.isArray(one.bbox) ? one.bbox.map(toldNumber) : [];
      if (one.iscrowd === 1) continue;
      if (key === undefined)
        yield labelsFault(item, `Its category ${String(one.category_id)} is none of the file.`, 'ErrorInvalidTag');
      else if (box.length !== 4 || box.includes(undefined)) yield boxFault(item, 'It has no bbox of four numbers.');
      else regions.push({ key, box: { pixels: box as [number, number, number, number], of } });
    }
    yield { item: path, tags: [], regions, metadata: null, bytes: bytesIn(folder, path) };
  }
  for (const [id, list] of annotations)
    yield labelsFault(
      `${file}: image ${String(id)}`,
      `${list.length} annotations are of an image that is not in the file.`,
    );
}

async function pathOf(
  folder: Folder,
  file: string,
  name: string,
  images: string | undefined,
): Promise<string | undefined> {
  const beside = dirname(file);
  const split = basename(file)
    .replace(/^(instances|person_keypoints)_/, '')
    .replace(/\.json$/, '');
  const places = [
    ...(images === undefined ? [] : [images]),
    beside,
    join(beside, 'images'),
    '.',
    'images',
    split,
    `images/${split}`,
  ];
  for (const place of places) if (await folder.has(join(place, name))) return join(place, name);
  return undefined;
}
