import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { hasCode } from '../../base/durable.ts';
import { AppError, expected } from '../../base/errors.ts';
import { defaultDomain, domains } from '../../domain/domain.ts';
import { limits } from '../../domain/limits.ts';
import type { ClassificationType } from '../../domain/project.ts';
import type { TagType } from '../../domain/tag.ts';
import { listFiles } from '../takeout/annotations.ts';
import type { Fault } from './report.ts';
import type { SourceBytes, SourceProject, SourceTag } from './source.ts';
import { told, toldList, toldText } from './told.ts';

/** What a project of files can be. */
export const fileTypes = ['multiclass', 'multilabel', 'detection'] as const;
/** One of them. */
export type FileType = (typeof fileTypes)[number];

/** A folder of the caller's; nothing outside of it is ever read. */
export interface Folder {
  /** Its real path. */
  readonly root: string;
  /** Paths of the files below it, from it, with slashes, in order; links that lead out and what cannot be read are faults. */
  files(): Promise<{ readonly paths: string[]; readonly faults: Fault[] }>;
  /** Whether there is a file at a path below it. */
  has(path: string): Promise<boolean>;
  /** @throws AppError with the code a picture would fail with: `ErrorSource`, `ErrorImageSize`. */
  read(path: string, limit: number): Promise<Buffer>;
}

/** Bytes of a file of labels that is read as a whole: what a text can have in this runtime. */
export const mostLabels = 400 * 1024 * 1024;

/** Opens a folder, or the one a file lies in. @throws AppError `ImportRefused` when there is none. */
export async function openFolder(path: string): Promise<{ folder: Folder; file: string | undefined }> {
  const full = await realpath(resolve(path)).catch((error: unknown) => {
    throw new AppError('ImportRefused', expected('a folder or a file that is there', 'the path', path), error);
  });
  const isFolder = (await stat(full)).isDirectory();
  if (!isFolder && /\.(zip|tar|tgz|gz|7z|rar)$/i.test(full))
    throw new AppError('ImportRefused', 'expected a folder but received an archive: unpack it first');
  const root = isFolder ? full : dirname(full);
  return { folder: folderAt(root), file: isFolder ? undefined : relative(root, full) };
}

const source = (reason: string, cause?: unknown): AppError => new AppError('ErrorSource', reason, cause);

function folderAt(root: string): Folder {
  const within = async (path: string): Promise<string> => {
    if (path.includes('\0') || isAbsolute(path)) throw source('Its path is none within the folder.');
    const full = resolve(root, path);
    if (!full.startsWith(root + sep)) throw source('Its path leads out of the folder.');
    let real: string;
    try {
      real = await realpath(full);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw source('There is no such file.');
      throw source('It cannot be read.', error);
    }
    if (!real.startsWith(root + sep)) throw source('It is a link that leads out of the folder.');
    return real;
  };
  return {
    root,
    async files() {
      const paths: string[] = [];
      const faults: Fault[] = [];
      const walk = async (below: string): Promise<void> => {
        const entries = await readdir(join(root, below), { withFileTypes: true }).catch((error: unknown) => {
          if (below === '') throw new AppError('ImportRefused', 'The folder cannot be read.', error);
          faults.push({ fault: 'picture', item: below, code: 'ErrorSource', reason: 'The folder cannot be read.' });
          return [];
        });
        for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
          const path = below === '' ? entry.name : `${below}/${entry.name}`;
          if (entry.name.startsWith('.') || entry.name === '__MACOSX') continue;
          if (entry.isDirectory()) await walk(path);
          else if (entry.isFile() || (entry.isSymbolicLink() && (await isFileWithin(path, faults)))) paths.push(path);
        }
      };
      await walk('');
      return { paths, faults };
    },
    has: (path) =>
      within(path)
        .then(async (real) => (await stat(real)).isFile())
        .catch(() => false),
    async read(path, limit) {
      const real = await within(path);
      const { size, isFile } = await stat(real).then((found) => ({ size: found.size, isFile: found.isFile() }));
      if (!isFile) throw source('It is no plain file.');
      if (size > limit)
        throw new AppError('ErrorImageSize', `Expected at most ${limit} bytes but the file has ${size}.`);
      return readFile(real).catch((error: unknown) => {
        throw source('It cannot be read.', error);
      });
    },
  };

  async function isFileWithin(path: string, faults: Fault[]): Promise<boolean> {
    try {
      return (await stat(await within(path))).isFile();
    } catch (error) {
      const reason = error instanceof AppError ? error.message : 'It cannot be read.';
      faults.push({ fault: 'picture', item: path, code: 'ErrorSource', reason });
      return false;
    }
  }
}

/** What stands beside pictures and is none. */
const beside = /(^|\/)(thumbs\.db|desktop\.ini)$|\.(txt|json|jsonl|xml|csv|ya?ml|md|html?|names|cache|data|pdf|py)$/i;

/** Whether a file is taken for a picture: all that is not known to be something else. Its bytes decide in the end. */
export const mayBePicture = (path: string): boolean => !beside.test(path);

/** The bytes of a picture in a folder. */
export const bytesIn = (folder: Folder, path: string) => async (): Promise<SourceBytes> => ({
  bytes: await folder.read(path, limits.trainingImageBytes),
});

/** What `project.json` of a takeout tells of the project, when it lies in the folder. */
export interface Manifest {
  readonly type: FileType | undefined;
  readonly description: string;
  readonly tags: readonly SourceTag[];
  /** Names of tags by the file of their list in `by-tag`. */
  readonly lists: ReadonlyMap<string, string>;
}

/** The {@link Manifest} of a folder; one that tells nothing when there is none. */
export async function manifestOf(folder: Folder): Promise<Manifest> {
  const nothing: Manifest = { type: undefined, description: '', tags: [], lists: new Map() };
  if (!(await folder.has('project.json'))) return nothing;
  let project: ReturnType<typeof told>;
  try {
    project = told(JSON.parse((await folder.read('project.json', mostLabels)).toString('utf8')));
  } catch {
    return nothing;
  }
  if (project.format !== 'ownsight-project/1') return nothing;
  const type = (project.classificationType ?? 'detection') as string;
  const named = toldList(project.tags).flatMap(({ id, name }) =>
    typeof id === 'string' && typeof name === 'string' ? { id, name } : [],
  );
  return {
    lists: new Map(listFiles(named).map(([file, name]) => [file, name])),
    type: fileTypes.find((one) => one === type.toLowerCase()),
    description: toldText(project.description) ?? '',
    tags: toldList(project.tags).flatMap((tag) => {
      const name = toldText(tag.name);
      if (name === undefined) return [];
      const type: TagType = tag.type === 'Negative' || tag.type === 'GeneralProduct' ? tag.type : 'Regular';
      return { key: name, name, description: toldText(tag.description) ?? null, type };
    }),
  };
}

/** A project of files, to be made where there is none yet. */
export function fileProject(name: string, type: FileType, { description }: Manifest): SourceProject {
  const classificationType: Record<FileType, ClassificationType | null> = {
    multiclass: 'Multiclass',
    multilabel: 'Multilabel',
    detection: null,
  };
  const domain = type === 'detection' ? domains.find((one) => one.type === 'ObjectDetection')! : defaultDomain;
  return {
    name,
    description: description.slice(0, limits.descriptionLength),
    domainId: domain.id,
    classificationType: classificationType[type],
    targetExportPlatforms: [],
  };
}

/** A refusal of a file of labels, or of a line of it. */
export const labelsFault = (item: string, reason: string, code: Fault['code'] = 'BadRequestImageTags'): Fault => ({
  fault: 'labels',
  item,
  code,
  reason,
});

/** A box that cannot be read. */
export const boxFault = (item: string, reason: string): Fault => ({
  fault: 'box',
  item,
  code: 'BadRequestImageRegions',
  reason,
});
