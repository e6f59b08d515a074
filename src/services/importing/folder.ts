import { bytesIn, type Folder, type Manifest, mayBePicture, mostLabels } from './files.ts';
import type { Fault } from './report.ts';
import type { SourcePicture } from './source.ts';

/** What the parts of a set are called; they are no tags. */
export const splits: ReadonlySet<string> = new Set([
  'train',
  'training',
  'val',
  'valid',
  'validation',
  'test',
  'testing',
]);

/**
 * Pictures in folders: the folder at the top is the tag, deeper ones belong to it; pictures beside the folders carry
 * none. Where all at the top are parts of a set (`train`, `val` …) the tags are one deeper. In a takeout it is the lists
 * in `by-tag` that tell.
 */
export async function folderPictures(folder: Folder, manifest: Manifest): Promise<(SourcePicture | Fault)[]> {
  const { paths, faults } = await folder.files();
  const lists = paths.filter((path) => /^by-tag\/[^/]+\.txt$/.test(path));
  if (lists.length > 0) return [...faults, ...(await listed(folder, manifest, paths, lists))];
  const pictures = paths.filter(mayBePicture);
  const tops = new Set(pictures.filter((path) => path.includes('/')).map((path) => path.split('/')[0]!.toLowerCase()));
  const depth = tops.size > 0 && [...tops].every((top) => splits.has(top)) ? 1 : 0;
  return [
    ...faults,
    ...pictures.map((path): SourcePicture => {
      const parts = path.split('/').slice(0, -1);
      return picture(folder, path, parts[depth] === undefined ? [] : [parts[depth]]);
    }),
  ];
}

const picture = (folder: Folder, path: string, tags: readonly string[]): SourcePicture => ({
  item: path,
  tags: tags.map((key) => ({ key })),
  regions: [],
  metadata: null,
  bytes: bytesIn(folder, path),
});

async function listed(
  folder: Folder,
  manifest: Manifest,
  paths: readonly string[],
  lists: readonly string[],
): Promise<(SourcePicture | Fault)[]> {
  const tags = new Map<string, string[]>();
  const found: (SourcePicture | Fault)[] = [];
  for (const list of lists) {
    const file = list.slice('by-tag/'.length);
    const tag = manifest.lists.get(file) ?? file.slice(0, -'.txt'.length);
    for (const line of (await folder.read(list, mostLabels)).toString('utf8').split('\n')) {
      if (line.trim() === '') continue;
      // Lines are paths from the list's own folder.
      const path = line.trim().replace(/^\.\.\//, '');
      if (await folder.has(path)) tags.set(path, [...(tags.get(path) ?? []), tag]);
      else
        found.push({
          fault: 'picture',
          item: `${list}: ${line.trim()}`,
          code: 'ErrorSource',
          reason: 'There is no such picture in the folder.',
        });
    }
  }
  const pictures = paths.filter((path) => path.startsWith('images/') && mayBePicture(path));
  return [...found, ...pictures.map((path) => picture(folder, path, tags.get(path) ?? []))];
}
