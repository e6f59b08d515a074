import type { Box } from '../../domain/region.ts';

/** A picture of the workspace, as the formats of other programs tell of it. */
export interface TakenImage {
  readonly id: string;
  /** From the project's folder: `images/<id>.jpg`. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly created: string;
  readonly tags: readonly { readonly id: string; readonly name: string }[];
  readonly regions: readonly { readonly tagId: string; readonly tagName: string; readonly box: Box }[];
  readonly metadata: Readonly<Record<string, string>> | null;
}

/** A tag that may be put on pictures. */
export interface TakenTag {
  readonly id: string;
  readonly name: string;
}

/** Text that grows piece by piece, kept as bytes. */
function text() {
  const pieces: Buffer[] = [];
  let pending: string[] = [];
  const flush = (): void => {
    pieces.push(Buffer.from(pending.join('')));
    pending = [];
  };
  return {
    add(piece: string): void {
      if (pending.push(piece) > 1000) flush();
    },
    bytes(): Buffer {
      flush();
      return Buffer.concat(pieces);
    },
  };
}

/** A file that is made of one picture after the other. */
export interface Collected {
  add(image: TakenImage): void;
  bytes(): Buffer;
}

/**
 * COCO object detection (cocodataset.org/#format-data). A tag without a region is an annotation of the whole picture.
 * Boxes are [left, top, width, height] in pixels.
 */
export function coco(projectName: string, tags: readonly TakenTag[]): Collected {
  const number = new Map(tags.map((tag, index) => [tag.id, index + 1]));
  const images = text();
  const annotations = text();
  let [imageCount, annotationCount] = [0, 0];
  return {
    add({ id, file, width, height, created, tags: own, regions }) {
      const image = { id: ++imageCount, file_name: file, width, height, date_captured: created, ownsight_id: id };
      images.add(`${imageCount > 1 ? ',\n' : ''}${JSON.stringify(image)}`);
      const boxed = new Set(regions.map((region) => region.tagId));
      const boxes = [
        ...regions.map(({ tagId, box }) => ({ tagId, bbox: pixels(box, width, height) })),
        ...own.filter((tag) => !boxed.has(tag.id)).map((tag) => ({ tagId: tag.id, bbox: [0, 0, width, height] })),
      ];
      for (const { tagId, bbox } of boxes) {
        const annotation = {
          id: ++annotationCount,
          image_id: imageCount,
          category_id: number.get(tagId),
          bbox,
          area: bbox[2]! * bbox[3]!,
          iscrowd: 0,
        };
        annotations.add(`${annotationCount > 1 ? ',\n' : ''}${JSON.stringify(annotation)}`);
      }
    },
    bytes() {
      const categories = tags.map((tag, index) => ({ id: index + 1, name: tag.name, supercategory: '' }));
      return Buffer.concat([
        Buffer.from(`{"info":${JSON.stringify({ description: projectName })},\n"categories":`),
        Buffer.from(`${JSON.stringify(categories)},\n"images":[\n`),
        images.bytes(),
        Buffer.from('],\n"annotations":[\n'),
        annotations.bytes(),
        Buffer.from(']}\n'),
      ]);
    },
  };
}

const pixels = ({ left, top, width, height }: Box, w: number, h: number): number[] =>
  [left * w, top * h, width * w, height * h].map((value) => Math.round(value * 100) / 100);

/** The columns of `images.csv`. */
export const csvColumns = ['image_id', 'file', 'width', 'height', 'created', 'tag', 'tags', 'regions', 'metadata'];

/**
 * One line a picture (RFC 4180, every field quoted): `tag` is its first tag, `tags`, `regions` and `metadata` are JSON.
 */
export function csv(): Collected {
  const lines = text();
  const line = (fields: readonly unknown[]): void =>
    lines.add(`${fields.map((field) => `"${String(field).replaceAll('"', '""')}"`).join(',')}\r\n`);
  line(csvColumns);
  return {
    add({ id, file, width, height, created, tags, regions, metadata }) {
      const names = tags.map((tag) => tag.name);
      const boxes = regions.map(({ tagName, box }) => ({ tag: tagName, ...box }));
      const json = [names, boxes, metadata ?? {}].map((value) => JSON.stringify(value));
      line([id, file, width, height, created, names[0] ?? '', ...json]);
    },
    bytes: lines.bytes,
  };
}

/**
 * A YOLO label file (docs.ultralytics.com/datasets/detect): class, then centre and size of the box in parts of the
 * picture.
 */
export function yoloLabels({ regions }: TakenImage, tags: readonly TakenTag[]): string {
  const number = new Map(tags.map((tag, index) => [tag.id, index]));
  return regions
    .map(({ tagId, box: { left, top, width, height } }) =>
      [number.get(tagId), ...[left + width / 2, top + height / 2, width, height].map((value) => value.toFixed(6))].join(
        ' ',
      ),
    )
    .map((line) => `${line}\n`)
    .join('');
}

/** YOLO's `data.yaml`; names are JSON strings, which YAML reads. */
export const yoloData = (tags: readonly TakenTag[]): string =>
  `path: .\ntrain: images\nval: images\nnames:\n${tags.map((tag, index) => `  ${index}: ${JSON.stringify(tag.name)}\n`).join('')}`;

/** A Pascal VOC annotation: corners of each box in whole pixels, counted from 1. */
export function vocAnnotation({ file, width, height, regions }: TakenImage): string {
  const objects = regions.map(({ tagName, box }) => {
    const corners = {
      xmin: Math.max(1, Math.round(box.left * width) + 1),
      ymin: Math.max(1, Math.round(box.top * height) + 1),
      xmax: Math.min(width, Math.round((box.left + box.width) * width)),
      ymax: Math.min(height, Math.round((box.top + box.height) * height)),
    };
    const bndbox = Object.entries(corners).map(([name, value]) => `<${name}>${value}</${name}>`);
    return `  <object><name>${xml(tagName)}</name><difficult>0</difficult><bndbox>${bndbox.join('')}</bndbox></object>\n`;
  });
  const [folder, name] = file.split('/');
  return `<annotation>\n  <folder>${folder}</folder>\n  <filename>${name}</filename>\n  <size><width>${width}</width><height>${height}</height><depth>3</depth></size>\n  <segmented>0</segmented>\n${objects.join('')}</annotation>\n`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const xml = (value: string): string => value.replaceAll(/[&<>"]/g, (character) => entities[character]!);

/**
 * A list a tag: the files of the pictures that carry it, one a line. Lists, not copies, so that no byte is there twice.
 */
export function listsByTag(tags: readonly TakenTag[]): {
  add(image: TakenImage): void;
  /** By file name. */
  files(): [name: string, bytes: Buffer][];
} {
  const lists = new Map(tags.map((tag) => [tag.id, text()]));
  return {
    add: ({ file, tags: own }) => {
      for (const tag of own) lists.get(tag.id)?.add(`../${file}\n`);
    },
    files: () => listFiles(tags).map(([file, , id]) => [file, lists.get(id)!.bytes()]),
  };
}

/** The file of each tag's list, with the tag's name and id. */
export function listFiles(tags: readonly TakenTag[]): [file: string, name: string, id: string][] {
  const taken = new Set<string>();
  return tags.map((tag) => {
    let name = fileName(tag.name);
    if (taken.has(name.toLowerCase())) name = `${name} ${tag.id}`;
    taken.add(name.toLowerCase());
    return [`${name}.txt`, tag.name, tag.id];
  });
}

/** A name that every file system takes: at most 50 characters and bytes that a tar holds. */
function fileName(name: string): string {
  const safe = name.replaceAll(/[^\p{L}\p{N} _-]/gu, '_').trim();
  let short = safe.slice(0, 50);
  while (Buffer.byteLength(short) > 50) short = [...short].slice(0, -1).join('');
  return short === '' ? '_' : short;
}
