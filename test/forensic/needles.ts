/** A thing that must not be found: its kind in words, and its bytes. */
export interface Canary {
  readonly kind: string;
  readonly bytes: Buffer;
}

/** One way in which a canary's bytes may lie somewhere. */
export interface Needle {
  readonly kind: string;
  readonly encoding: string;
  readonly bytes: Buffer;
}

/** Every encoding a canary is searched in; of text also in lower and upper case. Parts cut off at the edges are shorter than the rest. */
export function needlesOf({ kind, bytes }: Canary): Needle[] {
  const text = bytes.toString('latin1');
  const isText = /^[\x20-\x7e]+$/.test(text);
  const found = new Map<string, Needle>();
  const add = (encoding: string, needle: Buffer): void => {
    found.set(needle.toString('latin1'), found.get(needle.toString('latin1')) ?? { kind, encoding, bytes: needle });
  };
  for (const plain of isText ? [text, text.toLowerCase(), text.toUpperCase()] : [text]) {
    const raw = Buffer.from(plain, 'latin1');
    add('UTF-8', raw);
    if (isText) add('UTF-16LE', Buffer.from(plain, 'utf16le'));
    for (const shift of [0, 1, 2]) {
      // Characters that also depend on what stands before and after are left away.
      const from = Math.ceil((shift * 8) / 6);
      const to = Math.floor(((shift + raw.length) * 8) / 6);
      const shifted = Buffer.concat([Buffer.alloc(shift), raw]);
      add(`base64, shifted by ${shift}`, Buffer.from(shifted.toString('base64').slice(from, to)));
      add(`base64url, shifted by ${shift}`, Buffer.from(shifted.toString('base64url').slice(from, to)));
    }
    const hex = raw.toString('hex');
    for (const digits of [hex, hex.toUpperCase()]) {
      add('hexadecimal', Buffer.from(digits));
      add('percent escapes', Buffer.from(digits.replace(/../g, '%$&')));
      add('JSON escapes', Buffer.from(digits.replace(/../g, '\\u00$&')));
    }
  }
  return [...found.values()];
}

/** Bytes of a page; pages of zeros are passed over. */
const page = 4096;
const zeros = Buffer.alloc(page);

/**
 * Finds any of many needles of 8 bytes at least in one pass: a table of four of their bytes, their anchor, tells where to
 * look closer.
 */
export function searcher(needles: readonly Needle[]): (haystack: Buffer) => { needle: Needle; at: number }[] {
  const table = new Map<number, { needle: Needle; from: number }[]>();
  const maybe = new Uint8Array(1 << 20);
  for (const needle of needles) {
    if (needle.bytes.length < 8) throw new Error(`expected 8 bytes of ${needle.kind} but received fewer`);
    const from = anchorOf(needle.bytes);
    const anchor = needle.bytes.readUInt32LE(from);
    maybe[hash(anchor)] = 1;
    table.set(anchor, [...(table.get(anchor) ?? []), { needle, from }]);
  }
  return (haystack) => {
    const hits: { needle: Needle; at: number }[] = [];
    let anchor = 0;
    for (let end = 0; end < haystack.length; end++) {
      if (end % page === 0)
        while (haystack.length - end > page && zeros.compare(haystack, end, end + page) === 0) {
          end += page;
          anchor = 0;
        }
      anchor = (anchor >>> 8) | (haystack[end]! << 24);
      if (maybe[hash(anchor)] === 0 || end < 3) continue;
      for (const { needle, from } of table.get(anchor >>> 0) ?? []) {
        const at = end - 3 - from;
        const until = at + needle.bytes.length;
        if (at >= 0 && until <= haystack.length && needle.bytes.compare(haystack, at, until) === 0)
          hits.push({ needle, at });
      }
    }
    return hits;
  };
}

/** Where a needle has four bytes that are not found everywhere: the first that differ, and are no zeros if there are such. */
function anchorOf(bytes: Buffer): number {
  let best = 0;
  let most = 0;
  for (let at = 0; at + 8 <= bytes.length; at++) {
    const four = bytes.subarray(at, at + 4);
    const weight = new Set(four).size - (four.includes(0) ? 1 : 0);
    if (weight > most) [best, most] = [at, weight];
  }
  return best;
}

const hash = (anchor: number): number => Math.imul(anchor, 0x9e3779b1) >>> 12;
