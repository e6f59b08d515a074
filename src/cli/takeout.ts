import { renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import type { OpenApp } from '../app.ts';
import { type ArchiveFormatName, archiveFormats } from '../base/archive-format.ts';
import { temporaryName } from '../base/durable.ts';
import { saveStream } from '../base/save-stream.ts';
import { type TakeoutProgress, takeOut } from '../services/takeout/takeout.ts';
import { type ProgressLine, progressLine } from './progress-line.ts';
import { resumeTakeout } from './takeout-resume.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

interface Options {
  readonly account?: string;
  readonly project?: string;
  readonly out: string;
  readonly format?: ArchiveFormatName;
  readonly resume?: boolean;
}

/** Exit code when an archive was written, or put back, that lacks what could not be read. */
export const incomplete = 3;

/** `ownsight takeout`: everything of an account in one archive. Works beside a running server. */
export function takeoutCommand(): Command {
  return new Command('takeout')
    .description('take everything of an account, or of one project, out as one archive')
    .requiredOption('--out <file>', 'where to write the archive; - for standard output')
    .option('--account <account>', 'its id or name; may be left out when there is only one')
    .option('--project <id>', 'only this project')
    .addOption(
      new Option('--format <format>', 'default: by the ending of the file, else zip').choices(
        Object.keys(archiveFormats),
      ),
    )
    .option('--resume', 'keep what is written when this is interrupted, and go on with it the next time, within a day')
    .action((options: Options, command: Command) => {
      if (options.resume && options.out === '-') command.error('error: --resume needs a file that it can go on with');
      return withApp((app) => takeout(app, options));
    });
}

async function takeout(app: OpenApp, options: Options): Promise<void> {
  const line = progressLine();
  const { out, format = out.endsWith('.tar') ? 'tar' : 'zip' } = options;
  const what = { projectId: options.project?.toLowerCase(), format };
  const account = await accountId(app, options.account);
  if (options.resume) {
    const onProgress = (done: number, total: number): void =>
      line.show(() => `${Math.floor((100 * done) / total)} % of ${(total / 1e6).toFixed(1)} MB`);
    const { from, missing } = await resumeTakeout(app, { accountId: account, ...what, out, onProgress });
    line.end();
    if (from > 0) line.say(`Went on after ${from} bytes.`);
    return sayWhole(line, missing);
  }
  const { stream, missing } = await takeOut(app, account, {
    ...what,
    onProgress: (progress) => line.show(() => inWords(progress)),
  });
  if (out === '-') await pipeline(stream, process.stdout, { end: false });
  else await writeWhole(out, stream);
  line.end();
  sayWhole(line, missing.length);
  for (const { file, reason } of missing.slice(0, 20)) line.say(`  ${file}: ${reason}`);
}

function sayWhole(line: ProgressLine, missing: number): void {
  if (missing === 0) {
    line.say('The archive is complete.');
    return;
  }
  process.exitCode = incomplete;
  line.say(`The archive is INCOMPLETE: ${missing} could not be read. MISSING.json in it lists them.`);
}

/** Under its name only when it is whole; readable by its owner only. */
async function writeWhole(path: string, stream: Readable): Promise<void> {
  const target = resolve(path);
  const temporary = join(dirname(target), temporaryName());
  try {
    await saveStream(stream, temporary, 'wx');
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function inWords({ files, doneBytes, totalBytes, secondsLeft }: TakeoutProgress): string {
  const part = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const left =
    secondsLeft === undefined
      ? ''
      : `, ${Math.floor(secondsLeft / 60)}:${String(secondsLeft % 60).padStart(2, '0')} left`;
  return `${part} %: ${files} files, ${megabytes(doneBytes)} of ${megabytes(totalBytes)} MB${left}`;
}
