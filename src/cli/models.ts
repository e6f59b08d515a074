import { Command, Option } from 'commander';
import { AppError } from '../base/errors.ts';
import { readConfig } from '../config.ts';
import { backboneOf, modelsFolder, removeBackbone, setBackbone } from '../services/backbones.ts';
import { usesOfBackbone } from '../store/backbones.ts';
import { type Adding, addBackbone } from '../vision/backbone/add.ts';
import { installedBackbones } from '../vision/backbone/installed.ts';
import { pullBackbone } from '../vision/backbone/pull.ts';
import { type BackboneEntry, pixelScales, pullable } from '../vision/backbone/registry.ts';
import { ortRuntime } from '../vision/runtime/ort.ts';
import { print } from './print.ts';
import { progressLine } from './progress-line.ts';
import { size, things } from './size.ts';
import { tryLock } from './try-lock.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** `ownsight models list|pull|add|remove|use`: the networks that training begins from. Works beside a running server. */
export function modelsCommand(): Command {
  const command = new Command('models').description('the networks that training begins from, for all accounts');
  command
    .command('list')
    .description('those that are here, those that can be pulled, and who uses them')
    .option('--json', 'print JSON')
    .action(list);
  command
    .command('pull')
    .description('get one; nothing is asked of any other server before this')
    .argument('<name>', 'a name of "ownsight models list"')
    .option('--from <place>', 'an address, or a file, that has the same bytes')
    .action(pull);
  command
    .command('add')
    .description('use a network of your own for classification: ONNX or TensorFlow Lite')
    .argument('<file>')
    .option('--name <name>', 'what to call it; default: the name of the file')
    .option('--size <pixels>', 'pictures are squashed to this; default: as the file says, else 224', Number)
    .addOption(
      new Option('--pixels <scale>', 'how it takes pixels: -1..1, 0..1, 0..255, or by mean and deviation of ImageNet')
        .choices(Object.keys(pixelScales))
        .default('signed'),
    )
    .option('--licence <words>', 'under which licence you have it')
    .action(add);
  command
    .command('remove')
    .description('remove one that nothing uses')
    .argument('<name>')
    .action((name: string) =>
      alone(() =>
        withApp(async (app) => {
          await removeBackbone(app, name);
          print(`${name} was removed.`);
        }),
      ),
    );
  command
    .command('use')
    .description('what is trained from now on learns on another one; what is trained already stays as it is')
    .argument(
      '<name>',
      'a name of "ownsight models list"; "default": of a project as its account, of an account the built-in one',
    )
    .option('--account <account>', 'its id or name; may be left out when there is only one')
    .option('--project <id>', 'only this project')
    .action(use);
  return command;
}

/** Not while another command changes what is there. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  const unlock = tryLock({ config: readConfig() }, 'models.lock');
  if (unlock === undefined)
    throw new AppError('AlreadyRunning', 'another "ownsight models" is at work: wait until it has ended');
  try {
    return await work();
  } finally {
    unlock();
  }
}

const list = ({ json }: { json?: boolean }): Promise<void> =>
  withApp(async (app) => {
    const installed = await installedBackbones(modelsFolder(app.config));
    const rows: (BackboneEntry & { readonly state: string; readonly used: string })[] = [];
    for (const { entry, folder } of installed) {
      const { accounts, projects, iterations } = await usesOfBackbone(app.db.query, entry.name);
      const used = folder === undefined ? '' : usedBy({ accounts, projects, iterations });
      rows.push({ ...entry, state: folder === undefined ? 'built in' : 'installed', used });
    }
    for (const entry of pullable)
      if (!rows.some(({ name }) => name === entry.name)) rows.push({ ...entry, state: 'can be pulled', used: '' });
    if (json) return print(JSON.stringify(rows));
    for (const { name, state, bytes, licence, top1, used } of rows)
      print(
        [name.padEnd(16), state.padEnd(14), size(bytes).padStart(8), licence, top1 && `ImageNet top-1 ${top1}`, used]
          .filter(Boolean)
          .join('  '),
      );
  });

const usedBy = (uses: Awaited<ReturnType<typeof usesOfBackbone>>): string => {
  const parts = [
    [uses.iterations.length, 'iteration'],
    [uses.projects.length, 'project'],
    [uses.accounts.length, 'account'],
  ] as const;
  const named = parts.filter(([count]) => count > 0).map(([count, one]) => things(count, one));
  return named.length === 0 ? 'unused' : `used by ${named.join(', ')}`;
};

const pull = (name: string, { from }: { from?: string }): Promise<void> =>
  alone(async () => {
    const entry = pullable.find((one) => one.name === name);
    if (entry === undefined)
      throw new AppError(
        'PullFailed',
        `expected one of ${pullable.map((one) => one.name).join(', ')} but received ${name}: networks of your own are taken by "ownsight models add FILE"`,
      );
    const abort = new AbortController();
    const stop = (): void =>
      abort.abort(new AppError('Cancelled', `stopped: what came of ${name} is kept; run it again to go on`));
    process.once('SIGINT', stop);
    const line = progressLine();
    const begun = performance.now();
    let first: number | undefined;
    try {
      const fetched = await pullBackbone(entry, modelsFolder(readConfig()), {
        from,
        signal: abort.signal,
        onProgress(bytes) {
          first ??= bytes;
          const rate = (bytes - first) / (performance.now() - begun);
          line.show(() => inWords(entry, bytes, rate));
        },
      });
      line.end();
      print(fetched ? `${name} is here: ${size(entry.bytes)}, ${entry.licence}.` : `${name} is here already.`);
    } finally {
      line.end();
      process.off('SIGINT', stop);
    }
  });

/** How far a pull is; `rate`: bytes a millisecond. */
function inWords({ name, bytes }: BackboneEntry, here: number, rate: number): string {
  const seconds = Math.ceil((bytes - here) / rate / 1000);
  const left = Number.isFinite(seconds)
    ? `, ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
    : '';
  return `${name}: ${size(here)} of ${size(bytes)}${left}`;
}

const add = (file: string, options: Adding): Promise<void> =>
  alone(async () => {
    const entry = await addBackbone(file, modelsFolder(readConfig()), ortRuntime(), options);
    print(`${entry.name} is here: ${entry.featureLength} features of pictures of ${entry.size} px.`);
  });

const use = (name: string, { account, project }: { account?: string; project?: string }): Promise<void> =>
  withApp(async (app) => {
    const scope = {
      accountId: await accountId(app, account),
      ...(project !== undefined && { projectId: project.toLowerCase() }),
    };
    await setBackbone(app, scope, name === 'default' ? null : name);
    print(`What is trained from now on learns on ${(await backboneOf(app, scope)).used}.`);
  });
