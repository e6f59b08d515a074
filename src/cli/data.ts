import { Command, Option } from 'commander';
import {
  type Amount,
  type HeldKind,
  inventory,
  languageFor,
  languages,
  projectInventory,
} from '../services/inventory.ts';
import { print } from './print.ts';
import { size } from './size.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

interface Options {
  readonly account?: string;
  readonly project?: string;
  readonly language?: string;
  readonly json?: boolean;
}

/** `ownsight data`: everything held for an account or a project, in plain words. */
export function dataCommand(): Command {
  return new Command('data')
    .description('everything held for an account, or for one project of it')
    .option('--account <account>', 'id or name of the account; may be left out when there is only one')
    .option('--project <id>', 'id of the project')
    .addOption(new Option('--language <language>', 'of the explanations').choices([...languages]))
    .option('--json', 'print JSON')
    .action((options: Options) =>
      withApp(async (app) => {
        const account = await accountId(app, options.account);
        const language = languageFor(options.language === undefined ? [] : [options.language]);
        const held =
          options.project === undefined
            ? await inventory(app, account, language)
            : await projectInventory(app, { accountId: account, projectId: options.project.toLowerCase() }, language);
        if (options.json) return print(JSON.stringify(held));
        for (const kind of held.kinds) if (kind.count > 0) printKind(kind);
        if ('projects' in held)
          for (const project of held.projects) print(`project ${project.id}  ${project.name}: ${inWords(project)}`);
        if ('beingRemoved' in held && held.beingRemoved.count > 0)
          print(`of deleted projects, being removed: ${inWords(held.beingRemoved)}`);
        print(`in all: ${inWords(held.total)}`);
        if ('tier' in held && held.tier !== 'Unlimited') print(`held to the limits of the tier ${held.tier}`);
      }),
    );
}

function printKind(held: HeldKind): void {
  const deleted = held.deleted > 0 ? `, of which ${number(held.deleted)} deleted` : '';
  const operations = (ids: readonly string[]): string => (ids.length === 0 ? '–' : ids.join(', '));
  print(`${held.kind}: ${number(held.count)}, ${size(held.bytes)}${deleted}`);
  print(`    what     ${held.what}`);
  print(`    why      ${held.why}`);
  print(`    kept     ${held.kept}`);
  print(`    where    ${held.location}${held.key === null ? '' : `, sealed by the ${held.key} key`}`);
  print(`    shown    ${operations(held.shownBy)}`);
  print(`    exported ${operations(held.exportedBy)}`);
  print(`    deleted  ${operations(held.deletedBy)}\n`);
}

const number = (count: number): string => count.toLocaleString('en');
const inWords = ({ count, bytes }: Amount): string => `${number(count)} things, ${size(bytes)}`;
