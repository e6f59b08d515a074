import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import { type ArchiveFormatName, archiveFormats } from '../base/archive-format.ts';
import { temporaryName } from '../base/durable.ts';
import { type TakeoutProgress, takeOut } from '../services/takeout/takeout.ts';
import { progressLine } from './progress-line.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

interface Options {
  readonly account?: string;
  readonly project?: string;
  readonly out: string;
  readonly format?: ArchiveFormatName;
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
    .action((options: Options) =>
      withApp(async (app) => {
        const line = progressLine();
        const takeout = await takeOut(app, await accountId(app, options.account), {
          projectId: options.project?.toLowerCase(),
          format: options.format ?? (options.out.endsWith('.tar') ? 'tar' : 'zip'),
          onProgress: (progress) => line.show(() => inWords(progress)),
        });
        if (options.out === '-') await pipeline(takeout.stream, process.stdout, { end: false });
        else await writeWhole(options.out, takeout.stream);
        line.end();
        if (takeout.missing.length === 0) return line.say('The archive is complete.');
        process.exitCode = incomplete;
        line.say(
          `The archive is INCOMPLETE: ${takeout.missing.length} could not be read. MISSING.json in it lists them:`,
        );
        for (const { file, reason } of takeout.missing.slice(0, 20)) line.say(`  ${file}: ${reason}`);
      }),
    );
}

/** Under its name only when it is whole; readable by its owner only. */
async function writeWhole(path: string, stream: NodeJS.ReadableStream): Promise<void> {
  const target = resolve(path);
  const temporary = join(dirname(target), temporaryName());
  try {
    await pipeline(stream, createWriteStream(temporary, { flags: 'wx', mode: 0o600, flush: true }));
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
