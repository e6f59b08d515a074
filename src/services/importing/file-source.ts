import { cocoPictures } from './coco.ts';
import { csvPictures } from './csv.ts';
import { type FileType, type Folder, fileProject, manifestOf, openFolder } from './files.ts';
import { folderPictures } from './folder.ts';
import type { Fault } from './report.ts';
import type { Source, SourcePicture } from './source.ts';
import { vocPictures } from './voc.ts';
import { yoloPictures } from './yolo.ts';

/** The forms of files that can be imported. */
export const fileForms = ['folder', 'coco', 'voc', 'yolo', 'csv'] as const;
/** One of them. */
export type FileForm = (typeof fileForms)[number];

/** What files are to be read, and as what. */
export interface FileInput {
  readonly form: FileForm;
  readonly path: string;
  /** What a project is called that is made for them. */
  readonly project: string;
  /** Default: as the takeout was; else what the form is for. */
  readonly type?: FileType | undefined;
  /** Where pictures lie, from the folder, for coco and csv. */
  readonly images?: string | undefined;
}

/** What a project is made for when nothing tells: tags of folders are one a picture, boxes make detectors. */
const usualType: Readonly<Record<FileForm, FileType>> = {
  folder: 'multiclass',
  coco: 'detection',
  voc: 'detection',
  yolo: 'detection',
  csv: 'multilabel',
};

/** Pictures and labels from files. @throws AppError `ImportRefused` when there is no such folder. */
export async function fileSource(input: FileInput): Promise<Source> {
  const { form, images } = input;
  const { folder, file } = await openFolder(input.path);
  const manifest = await manifestOf(folder);
  const type = input.type ?? manifest.type ?? usualType[form];
  const read = await reading(form, folder, file, images, manifest);
  let boxes = 0;
  return {
    project: fileProject(input.project, type, manifest),
    total: read.total,
    async *tags() {
      const named = new Set(manifest.tags.map((tag) => tag.name));
      yield* manifest.tags;
      for (const name of read.names ?? [])
        if (name !== undefined && !named.has(name)) yield { key: name, name, description: null, type: 'Regular' };
    },
    async *pictures() {
      for await (const picture of read.pictures()) {
        if (!('fault' in picture)) boxes += picture.regions.length;
        yield picture;
      }
    },
    notes: () =>
      type !== 'detection' && boxes > 0
        ? [`${boxes} boxes came as tags of their pictures only: the project is for classification (--type detection).`]
        : [],
  };
}

interface Reading {
  readonly total?: number | undefined;
  /** Tags in an order that the files tell. */
  readonly names?: readonly string[];
  pictures(): AsyncIterable<SourcePicture | Fault>;
}

async function reading(
  form: FileForm,
  folder: Folder,
  file: string | undefined,
  images: string | undefined,
  manifest: Awaited<ReturnType<typeof manifestOf>>,
): Promise<Reading> {
  switch (form) {
    case 'folder': {
      const pictures = await folderPictures(folder, manifest);
      return { total: pictures.length, pictures: () => each(pictures) };
    }
    case 'coco':
      return { pictures: () => cocoPictures(folder, file, images) };
    case 'voc':
      return { pictures: () => vocPictures(folder) };
    case 'yolo':
      return yoloPictures(folder);
    case 'csv':
      return { pictures: () => csvPictures(folder, file, images) };
  }
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
