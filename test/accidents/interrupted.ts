/**
 * Takeouts, restores and erasures that are killed at moments chosen by a seed. Each begins on a copy of the same data;
 * after the kill the stores are opened as a server opens them at its start, and must then hold either what was there
 * before or what is there when nobody interrupts, and nothing in between.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generator, type Random } from '../../scripts/samples.ts';
import { type OpenApp, openApp } from '../../src/app.ts';
import { openArchive } from '../../src/base/archive.ts';
import { second } from '../../src/base/clock.ts';
import { fileSource } from '../../src/base/source.ts';
import { lockRestores } from '../../src/cli/restore-lock.ts';
import { readConfig } from '../../src/config.ts';
import { recover } from '../../src/services/recovery.ts';
import { checkBag } from '../../src/services/restore/bag-check.ts';
import { root, runOwnsight, startServer } from '../fixtures/server.ts';
import { trainAccount } from '../fixtures/trained-account.ts';
import {
  assertHoldings,
  assertSettled,
  type ErasureName,
  erasures,
  type Holdings,
  holdings,
  sameHoldings,
  work,
} from './deeds.ts';
import { type Moment, type Moments, momentsOf, type Program, runAndKill, runToEnd } from './kill-points.ts';

/** What everything begins with. */
interface Beginning {
  readonly folder: string;
  /** Of the one whose data it is about, of one with the same pictures, and of one that is empty. */
  readonly accounts: { readonly owner: string; readonly twin: string; readonly empty: string };
  /** Everything of the owner. */
  readonly archive: string;
}

/** Something that is interrupted. */
interface Deed {
  /** What it does to the data in `folder`, of which `data` is the data directory. */
  program(folder: string, beginning: Beginning): Program;
  /** Begins on data that is empty rather than on that of the accounts. */
  readonly fromNothing?: boolean;
  /** Whose data changes. Of the others each byte stays. */
  readonly changes?: keyof Beginning['accounts'];
  /** A second time completes what the first left out, project by project. */
  readonly repeated?: boolean;
  /** After the kill and the start that follows it. */
  after?(folder: string, when: string): Promise<void>;
}

const main = join(root, 'src/main.ts');
const homeIn = (folder: string): string => join(folder, 'data');

const takeout = (format: string): Deed => ({
  program: (folder, { accounts }) => ({
    home: homeIn(folder),
    argv: [main, 'takeout', '--account', accounts.owner, '--out', join(folder, `all.${format}`)],
  }),
  async after(folder, when) {
    const path = join(folder, `all.${format}`);
    if (!existsSync(path)) return;
    const archive = await openArchive(await fileSource(path));
    const { missing } = await checkBag(archive, {});
    await archive.close();
    assert.deepEqual([...missing], [], `${when}: missing in an archive that has its name`);
  },
});

const restore = (into: 'owner' | 'empty'): Deed => ({
  fromNothing: into === 'owner',
  changes: into,
  repeated: true,
  program: (folder, { accounts, archive }) => ({
    home: homeIn(folder),
    argv: [main, 'restore', archive, ...(into === 'empty' ? ['--account', accounts.empty] : [])],
  }),
});

const erasure = (name: ErasureName): Deed => ({
  changes: 'owner',
  program: (folder, { accounts }) => ({
    home: homeIn(folder),
    argv: [join(import.meta.dirname, 'deed-child.ts'), name, homeIn(folder), accounts.owner],
  }),
});

const deeds: Readonly<Record<string, Deed>> = {
  'takeout as tar': takeout('tar'),
  'takeout as zip': takeout('zip'),
  'restore of an account': restore('owner'),
  'restore beside others': restore('empty'),
  ...Object.fromEntries(
    (Object.keys(erasures) as ErasureName[]).map((name) => [`erasure: ${name}`, erasure(name)] as const),
  ),
};

/** Opens the stores, does `look`, and closes them. */
async function opened<T>(folder: string, look: (app: OpenApp) => Promise<T>): Promise<T> {
  const app = await openApp({
    ...readConfig({ OWNSIGHT_HOME: homeIn(folder), OWNSIGHT_THREADS: '1' }),
    logLevel: 'silent',
  });
  try {
    return await look(app);
  } finally {
    await app.close();
  }
}

/**
 * What a server does when it starts, an hour after the kill: a restore that a command was at is taken for interrupted only
 * when it has given no sign for some time.
 */
const restart = async (app: OpenApp): Promise<void> => {
  const later = { ...app, clock: { now: () => app.clock.now() + 3600 * second } };
  (await lockRestores(later))?.unlock();
  await recover(later);
  await work(later);
};

async function prepare(folder: string): Promise<Beginning> {
  const home = join(folder, 'begin', 'data');
  const server = await startServer({ home });
  await trainAccount(server);
  await server.stop();
  const archive = join(folder, 'archive.tar');
  const command = async (...args: string[]): Promise<string> => {
    const { code, output } = await runOwnsight(home, args);
    assert.equal(code, 0, output);
    return output;
  };
  await command('takeout', '--out', archive);
  const [twin, empty] = [
    JSON.parse(await command('account', 'create', 'twin', '--json')).account as string,
    JSON.parse(await command('account', 'create', 'empty', '--json')).account as string,
  ];
  await command('restore', archive, '--account', twin);
  await opened(join(folder, 'begin'), restart);
  return { folder, archive, accounts: { owner: server.account, twin, empty } };
}

/** What one deed does when nobody interrupts it, and the moments at which somebody can. */
interface Course {
  readonly deed: Deed;
  readonly moments: Moments;
  readonly before: ReadonlyMap<string, Holdings>;
  readonly after: ReadonlyMap<string, Holdings>;
}

async function everybody(app: OpenApp, { accounts }: Beginning): Promise<Map<string, Holdings>> {
  const found = new Map<string, Holdings>();
  for (const [who, id] of Object.entries(accounts)) found.set(who, await holdings(app, id));
  return found;
}

function begin(deed: Deed, beginning: Beginning): string {
  const folder = mkdtempSync(join(beginning.folder, 'try-'));
  if (!deed.fromNothing) cpSync(join(beginning.folder, 'begin'), folder, { recursive: true });
  return folder;
}

async function follow(deed: Deed, beginning: Beginning): Promise<Course> {
  const look = (app: OpenApp) => everybody(app, beginning);
  const [idle, traced, folder] = [begin(deed, beginning), begin(deed, beginning), begin(deed, beginning)];
  const before = await opened(idle, look);
  const moments = await momentsOf(deed.program(traced, beginning), deed.program(folder, beginning));
  const after = await opened(folder, async (app) => {
    await restart(app);
    return look(app);
  });
  for (const one of [idle, traced, folder]) rmSync(one, { recursive: true, force: true });
  return { deed, moments, before, after };
}

/** Which part of the kills is exact to a system call: stopping at each of them takes long. */
const exactShare = 0.25;

function momentIn({ exact, from, to }: Moments, random: Random): Moment {
  const at = exact[Math.floor(random(0, exact.length))];
  return at !== undefined && random() < exactShare ? at : { milliseconds: Math.round(random(from, to)) };
}

/** Kills a deed at one of its moments, and looks at what is left. Returns whether the moment came. */
async function interrupt(name: string, course: Course, beginning: Beginning, random: Random): Promise<boolean> {
  const { deed, moments, before, after } = course;
  const moment = momentIn(moments, random);
  const when = `${name}, killed at ${JSON.stringify(moment)}`;
  const folder = begin(deed, beginning);
  const program = deed.program(folder, beginning);
  const { killed, said } = await runAndKill(program, moment);
  await opened(folder, async (app) => {
    await restart(app);
    await assertSettled(app, when);
    await deed.after?.(folder, when);
    for (const [who, id] of Object.entries(beginning.accounts)) {
      const [found, untouched, done] = [await holdings(app, id), before.get(who)!, after.get(who)!];
      if (who !== deed.changes) {
        assertHoldings(found, untouched, `${when}, ${who}`);
        // A takeout is written in the account's log.
        if (deed.changes !== undefined) assert.equal(found.bytes, untouched.bytes, `${when}: bytes of ${who} changed`);
      } else if (deed.repeated) assertHoldings(found, wholeProjects(found, untouched, done), when);
      else if (said !== '' || !sameHoldings(found, untouched)) assertHoldings(found, done, when);
    }
  });
  if (deed.repeated) {
    await runToEnd(program);
    await opened(folder, async (app) => {
      await assertSettled(app, `${when}, once more`);
      const id = beginning.accounts[deed.changes!];
      assertHoldings(await holdings(app, id), after.get(deed.changes!)!, `${when}, once more`);
    });
  }
  rmSync(folder, { recursive: true, force: true });
  return killed;
}

/** What an account holds when those of `all` its projects are whole that are in `found`, and of the others there is nothing. */
function wholeProjects(found: Holdings, none: Holdings, all: Holdings): Holdings {
  if (sameHoldings(found, none)) return none;
  const rows = [...all.rows];
  const projects = rows.flatMap((row) => (row.startsWith('projects ') ? [row.split(' ')[1]!] : []));
  const absent = projects.filter((id) => !found.rows.has(`projects ${id} of ${id}`));
  const present = (names: ReadonlySet<string>): Set<string> =>
    new Set([...names].filter((name) => !absent.some((id) => name.includes(id))));
  return { rows: present(all.rows), files: present(all.files), keys: present(all.keys), bytes: '' };
}

/**
 * Kills `kills` times in the midst of takeouts, restores and erasures, these twice as often as those: they are quicker to
 * try. Throws what was not as it must be.
 */
export async function interruptAll(options: {
  readonly kills: number;
  readonly seed: number;
  readonly atOnce: number;
  readonly say?: (line: string) => void;
}): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'ownsight-interrupted-'));
  const random = generator(options.seed);
  try {
    const beginning = await prepare(folder);
    const courses = new Map<string, Course>();
    const names = Object.keys(deeds);
    const turns = [...names, ...names.filter((name) => name.startsWith('erasure'))];
    for (const name of names) courses.set(name, await follow(deeds[name]!, beginning));
    const kills = new Map(names.map((name) => [name, 0]));
    let [tries, done] = [0, 0];
    await Promise.all(
      Array.from({ length: options.atOnce }, async () => {
        while (done < options.kills) {
          const name = turns[tries++ % turns.length]!;
          if (!(await interrupt(name, courses.get(name)!, beginning, random))) continue;
          done++;
          kills.set(name, kills.get(name)! + 1);
        }
      }),
    );
    for (const [name, count] of kills)
      options.say?.(`${name}: ${count} kills among ${courses.get(name)?.moments.exact.length} moments`);
    return done;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
