import type { Micros } from '../base/clock.ts';
import { dateWithZone } from './json.ts';
import { dateTime, id, int53, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

const formats = ['zip', 'tar'] as const;
/** The kind of archive that is asked for. */
export const Format = oneOf(formats, { default: 'zip', description: '`zip` opens everywhere, `tar` is faster.' });

/** What a takeout is begun with. */
export const TakeoutRequest = model(
  'TakeoutRequest',
  {
    projectId: optional(nullable(id({ 'x-problem': 'NotFoundProject', description: 'Only this project.' }))),
    format: optional(Format),
  },
  { 'x-problem': 'BadRequest' },
);

/** An archive that can be read, and gone on with after an interruption. */
export const Takeout = model('Takeout', {
  id: id(),
  projectId: nullable(id()),
  format: oneOf(formats),
  created: dateTime(),
  expires: dateTime({ description: 'A day after it was read last.' }),
  state: oneOf(['Waiting', 'Sending', 'Sent', 'Changed'], {
    description: '`Changed`: what was sent of it cannot be made again, so that it cannot be gone on with.',
  }),
  bytes: int53({ description: 'How long the archive is.' }),
  sent: int53({ description: 'How far the last client that read it has come.' }),
  secondsLeft: nullable(int53({ description: 'At the speed it is read at this moment.' })),
  missing: int53({ description: 'Files that could not be read, so far; MISSING.json in the archive lists them.' }),
  link: text({
    description:
      'Where the archive is read, without a key, by whoever has this link, until it expires or is cancelled.',
  }),
});
/** All of an account's, latest first. */
export const Takeouts = listOf(Takeout);

interface Noun {
  readonly id: string;
  readonly projectId: string | null;
  readonly format: (typeof formats)[number];
  readonly created: Micros;
  readonly expires: Micros;
  readonly state: 'Waiting' | 'Sending' | 'Sent' | 'Changed';
  readonly bytes: number;
  readonly sent: number;
  readonly secondsLeft: number | null;
  readonly missing: number;
}

/** A takeout as the wire has it. */
export const fromTakeout = ({ created, expires, ...rest }: Noun, link: string) => ({
  ...rest,
  created: dateWithZone(created),
  expires: dateWithZone(expires),
  link,
});
