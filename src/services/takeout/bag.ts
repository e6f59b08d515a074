import type { ArchiveEntry, PackedEntry } from '../../base/archive-entry.ts';

/** What `bag-info.txt` says beside sizes. */
export interface BagFacts {
  /** The folder everything lies in. */
  readonly folder: string;
  /** `2026-11-22` */
  readonly date: string;
  /** Asked at the end: further lines, such as whether anything is missing. */
  info(): Readonly<Record<string, string>>;
}

/**
 * A BagIt bag (RFC 8493, version 1.0) around the files of its payload, whose names are below `data/`: each is packed and
 * passes through as it comes, what was said of them (manifests and sizes) follows at the end.
 */
export async function* bag(
  payload: AsyncIterable<ArchiveEntry>,
  facts: BagFacts,
  pack: (entry: ArchiveEntry) => Promise<PackedEntry>,
): AsyncGenerator<PackedEntry> {
  const tags: string[] = [];
  const tag = async (name: string, bytes: Buffer): Promise<PackedEntry> => {
    const packed = await pack({ name: `${facts.folder}/${name}`, bytes, text: true });
    tags.push(lineOf(packed, name));
    return packed;
  };
  yield await tag('bagit.txt', Buffer.from('BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n'));
  // Lines as bytes: a string each would take several times the memory.
  const manifest: Buffer[] = [];
  let [octets, files] = [0, 0];
  for await (const entry of payload) {
    const packed = await pack({ ...entry, name: `${facts.folder}/data/${entry.name}` });
    manifest.push(Buffer.from(lineOf(packed, `data/${entry.name}`)));
    octets += packed.facts.bytes;
    files++;
    yield packed;
  }
  const info = {
    'Bagging-Date': facts.date,
    'Payload-Oxum': `${octets}.${files}`,
    'Bag-Software-Agent': 'Ownsight',
    ...facts.info(),
  };
  const lines = Object.entries(info).map(([name, value]) => `${name}: ${value}\n`);
  yield await tag('bag-info.txt', Buffer.from(lines.join('')));
  yield await tag('manifest-sha256.txt', Buffer.concat(manifest));
  yield await pack({ name: `${facts.folder}/tagmanifest-sha256.txt`, bytes: Buffer.from(tags.join('')), text: true });
}

/** The line of a manifest that says which bytes a file has. */
const lineOf = ({ facts }: PackedEntry, path: string): string => `${facts.sha256.toString('hex')}  ${path}\n`;
