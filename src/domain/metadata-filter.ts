import { expected } from '../base/errors.ts';
import { problem } from './problems.ts';

/**
 * A condition on the metadata of images. An image without the key has no value for it, and so every `not equal` holds
 * of it.
 */
export type MetadataFilter =
  | { readonly kind: 'equal' | 'not equal'; readonly key: string; readonly value: string }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly MetadataFilter[] };

/** Comparisons in one filter, and parentheses within each other. */
const most = 100;
const example = "key1 eq 'value1' and key2 ne 'value2'";

/**
 * Reads a filter such as `key1 eq 'value1' and (key2 ne 'value2' or key3 eq 'it''s')`, with or without `metadata=` before
 * it. `and` binds closer than `or`; a quote within quotes is doubled; keys with spaces are quoted too. Keys and values are
 * compared to the letter, operators read in any letter case. Source: parameter `$filter` of GetImages (Training 3.3), and
 * OData 4.01, part 2, section 5.1.1, for what it leaves open.
 * @throws AppError `BadRequest` saying what was expected at which character.
 */
export function parseMetadataFilter(text: string): MetadataFilter {
  const tokens = tokensOf(text);
  let next = 0;
  let comparisons = 0;
  const refuse = (wanted: string): never => {
    const token = tokens[next];
    const received = token === undefined ? 'its end' : `${token.text} at character ${token.at + 1}`;
    throw problem('BadRequest', `expected ${wanted} in $filter, as in ${example}, but received ${received}`);
  };
  const take = (word: string): boolean => {
    const token = tokens[next];
    const found = token !== undefined && token.quoted === undefined && token.text.toLowerCase() === word;
    if (found) next++;
    return found;
  };
  const joined = (kind: 'and' | 'or', part: (depth: number) => MetadataFilter, depth: number): MetadataFilter => {
    const parts = [part(depth)];
    while (take(kind)) parts.push(part(depth));
    return parts.length === 1 ? parts[0]! : { kind, parts };
  };
  const either = (depth: number): MetadataFilter => joined('or', both, depth);
  const both = (depth: number): MetadataFilter => joined('and', one, depth);
  const one = (depth: number): MetadataFilter => {
    if (take('(')) {
      if (depth === most) refuse(`at most ${most} parentheses within each other`);
      const inner = either(depth + 1);
      if (!take(')')) refuse('a closing parenthesis, and, or');
      return inner;
    }
    if (++comparisons > most) refuse(`at most ${most} comparisons`);
    const key = tokens[next];
    if (key === undefined || key.text === ')') return refuse('a key');
    next++;
    const kind = take('eq') ? 'equal' : take('ne') ? 'not equal' : refuse('eq or ne');
    const value = tokens[next]?.quoted ?? refuse('a value in single quotes');
    next++;
    return { kind, key: key.quoted ?? key.text, value };
  };
  const filter = either(0);
  if (next < tokens.length) refuse('and, or, or nothing more');
  return filter;
}

interface Token {
  readonly text: string;
  /** What is between the quotes, if there are any. */
  readonly quoted?: string;
  readonly at: number;
}

const prefix = /^\s*metadata\s*=\s*/i;
const token = /\s*(?:([()])|'((?:[^']|'')*)'|([^\s()']+))/y;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  token.lastIndex = prefix.exec(text)?.[0].length ?? 0;
  while (token.lastIndex < end) {
    const from = token.lastIndex;
    const found = token.exec(text);
    if (found === null)
      throw problem('BadRequest', expected('a closing quote', '$filter', text.slice(from).trim().slice(0, 100)));
    const [whole, mark, quoted, word] = found;
    tokens.push({
      text: mark ?? word ?? `'${quoted}'`,
      at: from + whole.length - whole.trimStart().length,
      ...(quoted !== undefined && { quoted: quoted.replaceAll("''", "'") }),
    });
  }
  return tokens;
}
