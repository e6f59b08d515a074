import { blobCustody, tableCustody } from './custody.ts';

interface Described {
  readonly owner: string;
  readonly what: string;
  readonly why: string;
  readonly kept: string;
  readonly shownBy: readonly string[];
  readonly deletedBy: readonly string[];
}

const row = (name: string, one: Described, key: string): string => {
  const operations = (ids: readonly string[]): string => (ids.length === 0 ? '–' : ids.join(', '));
  return `| \`${name}\` | ${one.what} | ${one.why} | ${key} | ${one.kept} | ${operations(one.shownBy)} | ${operations(one.deletedBy)} |`;
};

const heading = [
  '| name | what it is | what for | sealed under | kept | shown by | deleted by |',
  '|---|---|---|---|---|---|---|',
];

/** The part of `docs/data.md` that lists everything stored: Markdown, made from the custody tables. */
export function custodyPage(): string {
  const keyOf = (columns: object): string => {
    const values = Object.values(columns);
    if (values.includes('sealed by project key') || values.includes('row')) return 'project key';
    return values.includes('sealed by account key') ? 'account key' : '(ids, numbers and times only)';
  };
  return [
    '## Rows of the database',
    '',
    ...heading,
    ...Object.entries(tableCustody).map(([name, one]) => row(name, one, keyOf(one.columns))),
    '',
    '## Files',
    '',
    ...heading,
    ...Object.entries(blobCustody).map(([name, one]) => row(name, one, 'project key')),
    '',
  ].join('\n');
}
