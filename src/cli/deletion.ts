import { Command, Option } from 'commander';
import { AppError } from '../base/errors.ts';
import type { App, ProjectScope } from '../services/context.ts';
import {
  accountDeletion,
  type Deletion,
  exportDeletion,
  imageDeletion,
  iterationDeletion,
  predictionDeletion,
  projectDeletion,
  tagDeletion,
} from '../services/deletions.ts';
import { languageFor, languages } from '../services/inventory.ts';
import { size, things } from './size.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

interface Options {
  readonly account?: string;
  readonly project?: string;
  readonly iteration?: string;
  readonly tag?: string;
  readonly export?: string;
  readonly images?: string;
  readonly allIterations?: boolean;
  readonly predictions?: string;
  readonly language?: string;
  readonly json?: boolean;
}

/** `ownsight deletion`: what a deletion would remove, whoever asks for it by whichever operation. Changes nothing. */
export function deletionCommand(): Command {
  return new Command('deletion')
    .description('what a deletion would remove: of an account, or of what is named in a project; changes nothing')
    .option('--account <account>', 'id or name of the account; may be left out when there is only one')
    .option('--project <id>', 'the project; alone: all of it')
    .option('--iteration <id>', 'an iteration of the project')
    .option('--export <id>', 'an exported model of that iteration')
    .option('--tag <id>', 'a tag of the project')
    .option('--images <ids>', 'images of the project, separated by commas, or "all"')
    .option('--all-iterations', 'with --images: out of every iteration as well')
    .option('--predictions <ids>', 'stored predictions of the project, separated by commas')
    .addOption(new Option('--language <language>', 'of the explanations').choices([...languages]))
    .option('--json', 'print JSON')
    .action((options: Options) =>
      withApp(async (app) => {
        const told = await deletionOf(app, await accountId(app, options.account), options);
        process.stdout.write(options.json ? `${JSON.stringify(told)}\n` : inWords(told));
      }),
    );
}

async function deletionOf(app: Pick<App, 'db' | 'keys'>, accountId: string, options: Options): Promise<Deletion> {
  const { project, iteration, tag, images, predictions } = options;
  const language = languageFor(options.language === undefined ? [] : [options.language]);
  const named = [iteration, tag, images, predictions].filter((one) => one !== undefined);
  if (named.length > 1 || (project === undefined && named.length > 0) || (options.export && !iteration))
    throw new AppError(
      'BadCommand',
      'expected --project with at most one of --iteration, --tag, --images, --predictions, and --export beside --iteration',
    );
  if (project === undefined) return accountDeletion(app, accountId, language);
  const scope: ProjectScope = { accountId, projectId: project.toLowerCase() };
  const list = (ids: string): string[] => ids.toLowerCase().split(',');
  if (iteration !== undefined && options.export !== undefined)
    return exportDeletion(app, scope, iteration.toLowerCase(), options.export.toLowerCase(), language);
  if (iteration !== undefined) return iterationDeletion(app, scope, iteration.toLowerCase(), language);
  if (tag !== undefined) return tagDeletion(app, scope, tag.toLowerCase(), language);
  if (predictions !== undefined) return predictionDeletion(app, scope, list(predictions), language);
  if (images === undefined) return projectDeletion(app, scope, language);
  const allIterations = options.allIterations ?? false;
  const what = images === 'all' ? { allImages: true } : { allImages: false, imageIds: list(images) };
  return imageDeletion(app, scope, { ...what, allIterations }, language);
}

/** What a deletion removes and touches, in lines. */
export function inWords({ kinds, total, publishNames, defaultIterations, exports, learnedFrom }: Deletion): string {
  const lines = kinds.map(
    ({ what, count, bytes }) => `    ${count.toLocaleString('en').padStart(9)}  ${what} (${size(bytes)})`,
  );
  const taken = exports.filter(({ downloads }) => downloads > 0);
  return [
    `${things(total.count, 'thing')}, ${size(total.bytes)}, would be removed for good:`,
    ...lines,
    ...(publishNames.length === 0 ? [] : ['Predictions would stop being answered under:']),
    ...publishNames.map(({ name, projectId }) => `    ${name} of project ${projectId}`),
    ...(defaultIterations.length === 0 ? [] : ['Predictions that name no iteration would stop being answered:']),
    ...defaultIterations.map(({ projectId }) => `    of project ${projectId}`),
    ...(taken.length === 0 ? [] : ['Exported models that were downloaded; those copies stay with whoever has them:']),
    ...taken.map(
      ({ platform, flavor, iterationId, downloads }) =>
        `    ${flavor === null ? platform : `${platform} ${flavor}`} of iteration ${iterationId}, ${things(downloads, 'time')}`,
    ),
    ...(learnedFrom.length === 0 ? [] : ['Iterations that stay and have learned from it:']),
    ...learnedFrom.map(
      ({ name, iterationId, publishName, images }) =>
        `    ${name} (${iterationId})${publishName === null ? '' : `, published as ${publishName}`}, from ${things(images, 'image')}`,
    ),
    '',
  ].join('\n');
}
