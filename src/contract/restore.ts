import type { Micros } from '../base/clock.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, int53, listOf, model, nullable, oneOf, text } from './schema.ts';

const states = ['Checking', 'Restoring', 'Done', 'Failed', 'Cancelled'] as const;
const outcomes = ['restored', 'present'] as const;

const RestoredProject = model('RestoredProject', {
  id: id(),
  from: id({ description: 'Its id in the archive: another one where it was taken.' }),
  outcome: oneOf(outcomes, { description: '`present`: it was there already and is left as it is.' }),
  leftOut: int53({ description: 'Rows left out because the archive lacks their files.' }),
});

/** How putting back an archive is. */
export const Restore = model('Restore', {
  id: id(),
  created: dateTime(),
  state: oneOf(states),
  doneBytes: nullable(int53({ description: 'Of the step it is in: first all is checked, then it is written.' })),
  totalBytes: nullable(int53()),
  projects: listOf(RestoredProject),
  missing: int53({ description: 'How many files the archive itself says it lacks.' }),
  reason: nullable(text({ description: 'Why it failed, naming the entry of the archive where it is one.' })),
});
/** All of an account's, latest first. */
export const Restores = listOf(Restore);

interface Noun {
  readonly id: string;
  readonly created: Micros;
  readonly state: (typeof states)[number];
  readonly doneBytes: number | null;
  readonly totalBytes: number | null;
  readonly projects: readonly {
    readonly id: string;
    readonly from: string;
    readonly outcome: (typeof outcomes)[number];
    readonly leftOut: number;
  }[];
  readonly missing: number;
  readonly reason: string | null;
}

/** A restore as the wire has it. */
export const fromRestore = ({ created, projects, ...rest }: Noun) => ({
  ...rest,
  created: dateWithZone(created),
  projects: [...projects],
});
