import { setTimeout as pause } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { OpenApp } from '../app.ts';
import { AppError } from '../base/errors.ts';
import type { ProjectScope } from '../services/context.ts';
import type { Deletion } from '../services/deletions.ts';
import { type Forgetting, forgetImages, forgettingPreview, listForgetting } from '../services/forgetting.ts';
import { languageFor, languages } from '../services/inventory.ts';
import { print } from './print.ts';
import { progressLine } from './progress-line.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';
import { workUnlessServed } from './work-here.ts';

/** How often progress is asked for, ms. */
const askEvery = 200;

interface Options {
  readonly project: string;
  readonly account?: string;
  readonly language?: string;
  readonly remakeExports?: boolean;
  readonly yes?: boolean;
}

/** `ownsight forget --project P IMAGE...`: images go, and every model that learned from them is trained anew without. */
export function forgetCommand(): Command {
  return new Command('forget')
    .description('delete images, and train every iteration that learned from them anew without them')
    .argument('<image...>', 'ids of the images')
    .requiredOption('--project <id>', 'id of the project')
    .option('--account <account>', 'id or name of the account; may be left out when there is only one')
    .option('--remake-exports', 'make the exports that go once more, of the models that have forgotten')
    .addOption(new Option('--language <language>', 'of the explanations').choices([...languages]))
    .option('--yes', 'do it: without this it only tells what would happen')
    .action((images: string[], options: Options) =>
      withApp(async (app) => {
        const scope = { accountId: await accountId(app, options.account), projectId: options.project.toLowerCase() };
        const imageIds = images.map((id) => id.toLowerCase());
        const language = languageFor(options.language === undefined ? [] : [options.language]);
        if (options.yes !== true) {
          tell(await forgettingPreview(app, scope, imageIds, language));
          throw new AppError('NotConfirmed', 'nothing was changed: add --yes to have it done');
        }
        const remakeExports = options.remakeExports === true;
        const { receiptId, deletion } = await forgetImages(app, scope, { imageIds, remakeExports }, language);
        tell(deletion);
        const end = await forgotten(app, scope, receiptId);
        if (end.state === 'Failed')
          throw new AppError(
            'NotForgotten',
            `an iteration could not be trained anew and still holds ${end.held} images`,
          );
        print(`forgotten. Receipt: ${receiptId}`);
      }),
    );
}

function tell({ kinds, exports, learnedFrom }: Deletion): void {
  for (const { kind, count, what } of kinds) print(`goes     ${kind}: ${count} (${what})`);
  for (const one of exports)
    print(`goes     export ${one.platform} of ${one.iterationId}, downloaded ${one.downloads} times`);
  for (const { name, iterationId, publishName, images } of learnedFrom)
    print(
      `rebuilt  ${name} (${iterationId}${publishName === null ? '' : `, published as ${publishName}`}): without ${images} images`,
    );
}

/** How it ended: the running server does the work, or this process when there is none. */
async function forgotten(app: OpenApp, scope: ProjectScope, receiptId: string): Promise<Forgetting> {
  const stop = workUnlessServed(app, ['forget', 'purge', 'export']);
  const line = progressLine();
  try {
    for (;;) {
      const now = (await listForgetting(app, scope)).find((one) => one.receiptId === receiptId)!;
      if (now.state === 'Finished' || now.state === 'Failed') return now;
      const done = now.iterations.reduce((sum, one) => sum + one.progress, 0);
      line.show(() => `${done.toFixed(2)} of ${now.iterations.length} iterations trained anew`);
      await pause(askEvery);
    }
  } finally {
    line.end();
    await stop();
  }
}
