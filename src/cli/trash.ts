import { Command } from 'commander';
import { AppError } from '../base/errors.ts';
import { getTrashDays, setTrashDays } from '../services/trash.ts';
import { emptyTrash, emptyTrashItem } from '../services/trash-empty.ts';
import { readTrash, type TrashItem } from '../services/trash-list.ts';
import { restoreTrashItem } from '../services/trash-restore.ts';
import { print } from './print.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** Items asked for at once. */
const itemsAtOnce = 100;

interface Options {
  readonly account?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly image?: readonly string[];
}

/** `ownsight trash list|restore|empty|days`: what was deleted and can be brought back. Works beside a running server. */
export function trashCommand(): Command {
  const command = new Command('trash').description('what was deleted and can be brought back');
  const add = (name: string, description: string): Command =>
    command
      .command(name)
      .description(description)
      .option('--account <account>', 'id or name of the account; may be left out when there is only one');
  add('list', 'what can be brought back, latest first')
    .option('--json', 'print JSON')
    .action((options: Options) =>
      withApp(async (app) => {
        const account = await accountId(app, options.account);
        const items: TrashItem[] = [];
        for (let total = 1; items.length < total; ) {
          const page = await readTrash(app, account, { take: itemsAtOnce, skip: items.length }, 'en');
          if (page.items.length === 0) break;
          items.push(...page.items);
          total = page.total;
        }
        if (options.json) print(JSON.stringify(items));
        else for (const item of items) print(inWords(item));
      }),
    );
  add('restore', 'bring something back, as it was')
    .argument('<id>', 'the item of "ownsight trash list"')
    .option('--image <id...>', 'only these pictures of it')
    .action((id: string, options: Options) =>
      withApp(async (app) => {
        const account = await accountId(app, options.account);
        const images = options.image?.map((one) => one.toLowerCase());
        print(JSON.stringify(await restoreTrashItem(app, account, id.toLowerCase(), images)));
      }),
    );
  add('empty', 'erase what is in the trash now, for good')
    .argument('[ids...]', 'only these items')
    .option('--yes', 'do it: without this nothing is erased')
    .action((ids: string[], options: Options) =>
      withApp(async (app) => {
        const account = await accountId(app, options.account);
        if (options.yes !== true)
          throw new AppError('NotConfirmed', 'nothing was erased: add --yes to erase it for good');
        if (ids.length === 0) ids = await emptyTrash(app, account);
        else for (const id of ids) await emptyTrashItem(app, account, id.toLowerCase());
        print(JSON.stringify({ receiptIds: ids }));
      }),
    );
  add('days', 'how many days what is deleted can be brought back')
    .argument('[days]', 'a new number, 0 to 30; 0: what is deleted is erased at once')
    .action((days: string | undefined, options: Options) =>
      withApp(async (app) => {
        const account = await accountId(app, options.account);
        if (days !== undefined) await setTrashDays(app, account, Number(days));
        print(String(await getTrashDays(app, account)));
      }),
    );
  return command;
}

function inWords({ id, kind, projectName, subjects, total, trashed, daysLeft, by }: TrashItem): string {
  const names = subjects.map((one) => one.name).filter((name) => name !== null);
  const what = kind === 'project' ? '' : `  in ${projectName}`;
  const named = names.length === 0 ? `${subjects.length} of them` : names.join(', ');
  const when = new Date(trashed / 1000).toISOString();
  return `${id}  ${when}  ${kind}: ${named}${what}  (${total.count} things, ${total.bytes} bytes; by ${by}; ${daysLeft} days left)`;
}
