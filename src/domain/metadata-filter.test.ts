import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MetadataFilter, parseMetadataFilter } from './metadata-filter.ts';

const eq = (key: string, value: string): MetadataFilter => ({ kind: 'equal', key, value });
const ne = (key: string, value: string): MetadataFilter => ({ kind: 'not equal', key, value });

test('the documented example is read, with and without the word before it', () => {
  const wanted = { kind: 'and', parts: [eq('key1', 'value1'), ne('key2', 'value2')] };
  assert.deepEqual(parseMetadataFilter("metadata=key1 eq 'value1' and key2 ne 'value2'"), wanted);
  assert.deepEqual(parseMetadataFilter("key1 EQ 'value1' AND key2 Ne 'value2' "), wanted);
});

test('and binds closer than or, parentheses closest', () => {
  const [a, b, c] = [eq('a', '1'), eq('b', '2'), eq('c', '3')];
  assert.deepEqual(parseMetadataFilter("a eq '1' or b eq '2' and c eq '3'"), {
    kind: 'or',
    parts: [a, { kind: 'and', parts: [b, c] }],
  });
  assert.deepEqual(parseMetadataFilter("(a eq '1' or b eq '2')and(c eq '3')"), {
    kind: 'and',
    parts: [{ kind: 'or', parts: [a, b] }, c],
  });
});

test('keys and values are kept to the letter, whatever is in them', () => {
  assert.deepEqual(
    parseMetadataFilter("'where it is' eq 'Ca'' d''Oro (or so)'"),
    eq('where it is', "Ca' d'Oro (or so)"),
  );
  assert.deepEqual(parseMetadataFilter("and eq ''"), eq('and', ''));
  assert.deepEqual(parseMetadataFilter("Straße.nr=7 ne ' x '"), ne('Straße.nr=7', ' x '));
  assert.deepEqual(parseMetadataFilter("metadata eq 'x'"), eq('metadata', 'x'));
});

test('what is no filter is refused, saying what was expected and where', () => {
  const refused: [string, RegExp][] = [
    ['  ', /expected a key .* received its end/],
    ['key', /expected eq or ne .* received its end/],
    ["key like 'x'", /expected eq or ne .* received like at character 5/],
    ['key eq value', /expected a value in single quotes .* received value at character 8/],
    ['key eq 5', /expected a value in single quotes/],
    ["key eq 'value", /expected a closing quote/],
    ["key eq 'a' key2 eq 'b'", /expected and, or, or nothing more .* received key2/],
    ["(key eq 'a'", /expected a closing parenthesis/],
    ["key eq 'a')", /expected and, or, or nothing more/],
    ["key eq 'a' and", /expected a key/],
    ["not (key eq 'a')", /expected eq or ne/],
    [`${'('.repeat(101)}key eq 'a'${')'.repeat(101)}`, /at most 100 parentheses/],
    [Array(101).fill("key eq 'a'").join(' or '), /at most 100 comparisons/],
  ];
  for (const [text, message] of refused)
    assert.throws(() => parseMetadataFilter(text), { code: 'BadRequest', message }, text);
});
