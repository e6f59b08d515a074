import { createHash } from 'node:crypto';
import type { ArchiveEntry } from '../../base/archive-entry.ts';

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
 * A BagIt bag (RFC 8493, version 1.0) around the files of its payload, whose names are below `data/`: they pass through
 * as they come, what was said of them (manifests and sizes) follows at the end.
 */
export async function* bag(payload: AsyncIterable<ArchiveEntry>, facts: BagFacts): AsyncGenerator<ArchiveEntry> {
  const tags: string[] = [];
  const tag = (name: string, bytes: Buffer): ArchiveEntry => {
    tags.push(`${sha256(bytes)}  ${name}\n`);
    return { name: `${facts.folder}/${name}`, bytes, text: true };
  };
  yield tag('bagit.txt', Buffer.from('BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n'));
  // Lines as bytes: a string each would take several times the memory.
  const manifest: Buffer[] = [];
  let [octets, files] = [0, 0];
  for await (const entry of payload) {
    manifest.push(Buffer.from(`${sha256(entry.bytes)}  data/${entry.name}\n`));
    octets += entry.bytes.length;
    files++;
    yield { ...entry, name: `${facts.folder}/data/${entry.name}` };
  }
  const info = {
    'Bagging-Date': facts.date,
    'Payload-Oxum': `${octets}.${files}`,
    'Bag-Software-Agent': 'Ownsight',
    ...facts.info(),
  };
  const lines = Object.entries(info).map(([name, value]) => `${name}: ${value}\n`);
  yield tag('bag-info.txt', Buffer.from(lines.join('')));
  yield tag('manifest-sha256.txt', Buffer.concat(manifest));
  yield { name: `${facts.folder}/tagmanifest-sha256.txt`, bytes: Buffer.from(tags.join('')), text: true };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
