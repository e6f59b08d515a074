import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import type { OpenApp } from '../app.ts';
import { writeFileDurablySync } from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { versions } from '../services/importing/custom-vision-client.ts';
import { type FileForm, fileForms, fileSource } from '../services/importing/file-source.ts';
import { type FileType, fileTypes } from '../services/importing/files.ts';
import { importCustomVision, importFiles } from '../services/importing/import.ts';
import type { ImportProgress, ImportReport, ImportRun } from '../services/importing/report.ts';
import { progressLine } from './progress-line.ts';
import { incomplete } from './takeout.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** Exit code of a program that was stopped by Ctrl-C. */
const interrupted = 130;
/** Failures shown on the screen; the report has them all. */
const mostShown = 20;

interface Shared {
  readonly account?: string;
  readonly report?: string;
}

interface CustomVisionOptions extends Shared {
  readonly endpoint: string;
  readonly key?: string;
  readonly keyFile?: string;
  readonly project?: string[];
  readonly apiVersion?: string;
}

/** `ownsight import custom-vision|folder|coco|voc|yolo|csv`: moving in. Works beside a running server. */
export function importCommand(): Command {
  const command = new Command('import').description(
    'bring projects of Azure Custom Vision, or pictures and labels from files, into an account; run again, it goes on where it stopped',
  );
  shared(command.command('custom-vision'))
    .description('projects of a Custom Vision resource: pictures, tags, boxes, metadata, what is told of iterations')
    .requiredOption('--endpoint <url>', 'address of the training resource, as its page "Keys and Endpoint" shows it')
    .option('--key <key>', 'key of the training resource; without it and --key-file it is asked for')
    .option('--key-file <file>', 'a file that holds the key')
    .option('--project <project...>', 'ids or names of projects; default: all')
    .addOption(
      new Option('--api-version <version>', 'of its Training API; default: the newest that answers').choices(
        versions.map((one) => one.name),
      ),
    )
    .action((options: CustomVisionOptions) =>
      importing(options, async (app, account, run) => {
        if (/^http:\/\/(?!127\.|localhost[:/]|\[::1\])/i.test(options.endpoint))
          process.stderr.write('note: over http the key can be read on its way; take https where there is it\n');
        return importCustomVision(app, {
          endpoint: options.endpoint,
          key: await keyOf(options),
          apiVersion: options.apiVersion,
          projects: options.project,
          accountId: account,
          ...run,
        });
      }),
    );
  for (const form of fileForms) command.addCommand(fileCommand(form));
  return command;
}

const what: Readonly<Record<FileForm, string>> = {
  folder: 'pictures in folders: each folder is a tag, inside of train, val, test as well',
  coco: 'pictures with a COCO file, or with several',
  voc: 'pictures with Pascal VOC annotations (XML)',
  yolo: 'pictures with YOLO labels and data.yaml or classes.txt',
  csv: 'pictures listed in a CSV: filename,tag or as a takeout has it',
};

interface FileOptions extends Shared {
  readonly project: string;
  readonly type?: FileType;
  readonly images?: string;
}

function fileCommand(form: FileForm): Command {
  const command = shared(new Command(form))
    .description(what[form])
    .argument('<path>', 'the folder, or the file of labels in it; archives are to be unpacked first')
    .requiredOption('--project <project>', 'id or name of the project; one of this name is made where there is none')
    .addOption(new Option('--type <type>', 'what a new project is for').choices([...fileTypes]));
  if (form === 'coco' || form === 'csv') command.option('--images <folder>', 'where the pictures lie, from the folder');
  return command.action((path: string, options: FileOptions) =>
    importing(options, async (app, account, run) => {
      const { project, type, images } = options;
      const source = await fileSource({ form, path, project, type, images });
      const into = { accountId: account, project, isTypeWanted: type !== undefined };
      return importFiles(app, `${form} ${resolve(path)}`, source, { ...into, ...run });
    }),
  );
}

const shared = (command: Command): Command =>
  command
    .option('--account <account>', 'id or name of the account to bring it into; may be left out when there is only one')
    .option('--report <file>', 'write what came, and all that failed and why, there as JSON');

/** Does an import with its progress on the screen, stops it by Ctrl-C, and says what came of it. */
async function importing(
  options: Shared,
  work: (app: OpenApp, accountId: string, run: ImportRun) => Promise<ImportReport>,
): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) process.exit(interrupted);
    stopping.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await withApp(async (app) => {
      const line = progressLine();
      const account = await accountId(app, options.account);
      const run = {
        signal: stopping.signal,
        onProgress: (progress: ImportProgress) => line.show(() => inWords(progress)),
      };
      const report = await work(app, account, run)
        .catch((error: unknown) => {
          if (!stopping.signal.aborted) throw error;
          return undefined;
        })
        .finally(() => line.end());
      if (report === undefined) {
        process.exitCode = interrupted;
        return line.say('STOPPED before anything was made.');
      }
      if (options.report !== undefined)
        writeFileDurablySync(resolve(options.report), Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
      for (const words of summary(report)) line.say(words);
      if (!report.complete) process.exitCode = stopping.signal.aborted ? interrupted : incomplete;
    });
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function keyOf({ key, keyFile }: CustomVisionOptions): Promise<string> {
  const text = key ?? (keyFile === undefined ? await askForKey() : readFileSync(keyFile, 'utf8'));
  const trimmed = text.trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw new AppError('ImportRefused', 'expected a key of letters and digits: one of the two of the training resource');
}

/** Asks on the terminal, without showing what is typed. */
async function askForKey(): Promise<string> {
  if (!process.stdin.isTTY)
    throw new AppError('ImportRefused', 'expected the key of the training resource: --key-file <file> or --key <key>');
  process.stderr.write('Key of the training resource: ');
  const unseen = new Writable({ write: (_piece, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: unseen, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}

function inWords({ project, step, done, total, bytes, failed, secondsLeft }: ImportProgress): string {
  const of = total === undefined ? '' : ` of ${Math.max(total, done)}`;
  const left =
    secondsLeft === undefined
      ? ''
      : `, ${Math.floor(secondsLeft / 60)}:${String(secondsLeft % 60).padStart(2, '0')} left`;
  const wrong = failed === 0 ? '' : `, ${failed} failed`;
  const words = step === 'pictures' ? 'pictures' : 'pictures of an iteration';
  return `${visible(project)}: ${done}${of} ${words}, ${(bytes / 1e6).toFixed(1)} MB${wrong}${left}`;
}

/** Names come from elsewhere: nothing of them may play with the terminal. */
const visible = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (one) => `\\u${one.codePointAt(0)!.toString(16).padStart(4, '0')}`);

function summary(report: ImportReport): string[] {
  const lines: string[] = [];
  for (const project of report.projects) {
    const { images, tags, iterations } = project;
    const counts = [
      `${images.imported} pictures`,
      `${tags.imported} tags`,
      ...(iterations.imported > 0 ? [`${iterations.imported} iterations`] : []),
    ].join(', ');
    const there = [
      ...(images.present > 0 ? [`${images.present} pictures were here already`] : []),
      ...(images.duplicates > 0 ? [`${images.duplicates} came twice`] : []),
      ...(images.resized > 0 ? [`${images.resized} not as originals: only smaller copies could be had`] : []),
    ].map((words) => `; ${words}`);
    lines.push(`project ${project.id} ${visible(project.name)}: ${counts} imported${there.join('')}`);
    for (const { iteration, told, computed } of project.compared) {
      const percent = (one: { precision: number; recall: number }): string =>
        `precision ${(100 * one.precision).toFixed(1)} %, recall ${(100 * one.recall).toFixed(1)} %`;
      const own = computed === null ? '' : `; from its results picture by picture: ${percent(computed)}`;
      lines.push(`  ${visible(iteration)}, told: ${percent(told)}${own}`);
    }
    for (const note of project.notes) lines.push(`  note: ${visible(note)}`);
    if (iterations.imported > 0) lines.push('  Iterations come without their models: train again to predict.');
  }
  const failed = [...report.failed, ...report.projects.flatMap((one) => one.failed)];
  for (const { fault, item, code, reason } of failed.slice(0, mostShown))
    lines.push(`  failed: ${fault} ${visible(item)}: ${code}: ${visible(reason)}`);
  if (failed.length > mostShown) lines.push(`  … and ${failed.length - mostShown} more: --report <file> lists all.`);
  if (report.stopped !== null)
    lines.push(`STOPPED: ${visible(report.stopped)} Run the same command again: it goes on.`);
  else if (report.complete) lines.push('The import is complete.');
  else lines.push(`The import is INCOMPLETE: ${failed.length} failed. Run the same command again to try these anew.`);
  return lines;
}
