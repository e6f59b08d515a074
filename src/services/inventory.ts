import type { Tier } from '../domain/tier.ts';
import { blobKinds } from '../store/blobs.ts';
import { blobCustody, type DataClass, tableCustody } from '../store/custody.ts';
import { blobTakeout, tableTakeout } from '../store/custody-takeout.ts';
import { type Kind, type Language, languageFor, languages, type Words, wordsOf } from '../store/custody-words.ts';
import { countOwn, holdingsOf } from '../store/holdings.ts';
import { listProjects } from '../store/projects.ts';
import type { HoldingRow, Tables } from '../store/schema.ts';
import { openText } from '../store/sealed.ts';
import { tierOf } from '../store/tiers.ts';
import type { App, ProjectScope } from './context.ts';
import { getProject } from './projects.ts';

export { languageFor, languages };

/** How much of something there is. Bytes as they lie there, ciphertext and all. */
export interface Amount {
  readonly count: number;
  readonly bytes: number;
}

/** One kind of thing that is held, told to its owner. */
export interface HeldKind extends Words, Amount {
  readonly kind: Kind;
  readonly class: DataClass;
  /** Of `count`: deleted, but kept by iterations or not yet purged. */
  readonly deleted: number;
  readonly place: 'database' | 'files';
  /** Below the data directory. */
  readonly location: string;
  /** Whose key seals it; `null` for what is ids, numbers and times only. */
  readonly key: 'account' | 'project' | null;
  /** Operations of any of the APIs. */
  readonly shownBy: string[];
  /** Operations that hand it out in an archive; none for what is made again from the rest. */
  readonly exportedBy: string[];
  readonly deletedBy: string[];
}

/** Everything held for an account. */
export interface Inventory {
  /** Whose limits the account is held to. */
  readonly tier: Tier;
  readonly kinds: HeldKind[];
  readonly total: Amount;
  /** The living ones, newest first. */
  readonly projects: (Amount & { readonly id: string; readonly name: string })[];
  /** Of the total: what belongs to deleted projects and waits for its purge. */
  readonly beingRemoved: Amount;
}

/** Everything held for a project. */
export interface ProjectInventory extends Pick<Inventory, 'kinds' | 'total'> {
  readonly id: string;
  readonly name: string;
}

type Counted = Pick<HoldingRow, 'kind' | 'count' | 'bytes' | 'deleted'>;

/** All kinds there are, tables first: also those of which there is nothing, so that the list is the same for everybody. */
const kinds = [...(Object.keys(tableCustody) as (keyof Tables)[]), ...blobKinds];

/** Everything held for an account, whatever state it is in. Takes milliseconds, however much it is. */
export async function inventory(
  app: Pick<App, 'db' | 'keys'>,
  accountId: string,
  language: Language,
): Promise<Inventory> {
  const db = app.db.query;
  const rows = await holdingsOf(db, accountId);
  const all = [...rows, ...(await countOwn(db, { accountId }))];
  const living = await listProjects(db, accountId);
  const isAlive = new Set([accountId, ...living.map(({ id }) => id)]);
  return {
    tier: await tierOf(db, accountId),
    kinds: told(all, language, `${accountId}/*`),
    total: sum(all),
    projects: living.map(({ id, name }) => ({
      id,
      name: openText(app.keys, { accountId, projectId: id }, 'projects.name', id, name),
      ...sum(rows.filter((row) => row.scope_id === id)),
    })),
    beingRemoved: sum(rows.filter((row) => !isAlive.has(row.scope_id))),
  };
}

/** Everything held for a project. @throws AppError `NotFoundProject`. */
export async function projectInventory(
  app: Pick<App, 'db' | 'keys'>,
  scope: ProjectScope,
  language: Language,
): Promise<ProjectInventory> {
  const { id, name } = await getProject(app, scope);
  const rows = (await holdingsOf(app.db.query, scope.accountId)).filter((row) => row.scope_id === id);
  const all = [...rows, ...(await countOwn(app.db.query, scope))];
  const known = new Set(all.map((row) => row.kind));
  return {
    id,
    name,
    kinds: told(all, language, `${scope.accountId}/${id}`).filter(({ kind }) => known.has(kind)),
    total: sum(all),
  };
}

function told(rows: readonly Counted[], language: Language, folder: string): HeldKind[] {
  return kinds.map((kind) => {
    const table = kind in tableCustody ? tableCustody[kind as keyof Tables] : undefined;
    const { dataClass, shownBy, deletedBy } = table ?? blobCustody[kind as keyof typeof blobCustody];
    const ofKind = rows.filter((row) => row.kind === kind);
    const { what, why, kept } = wordsOf(kind, language);
    return {
      kind,
      what,
      why,
      kept,
      class: dataClass,
      ...sum(ofKind),
      deleted: ofKind.reduce((all, { deleted }) => all + deleted, 0),
      place: table === undefined ? 'files' : 'database',
      location: table === undefined ? `blobs/${folder}/${kind}/` : `ownsight.db (${kind})`,
      key: table === undefined ? 'project' : keyOf(table.columns),
      shownBy: [...shownBy],
      exportedBy: exportedBy(kind),
      deletedBy: [...deletedBy],
    };
  });
}

function exportedBy(kind: Kind): string[] {
  if ('leftOut' in { ...tableTakeout, ...blobTakeout }[kind]) return [];
  const { owner } = { ...tableCustody, ...blobCustody }[kind];
  return owner === 'project' ? ['BeginTakeout', 'GetTakeout', 'GetProjectTakeout'] : ['BeginTakeout', 'GetTakeout'];
}

function keyOf(columns: object): HeldKind['key'] {
  const held: unknown[] = Object.values(columns);
  if (held.includes('sealed by project key') || held.includes('row')) return 'project';
  return held.includes('sealed by account key') ? 'account' : null;
}

const sum = (rows: readonly Amount[]): Amount => ({
  count: rows.reduce((all, { count }) => all + count, 0),
  bytes: rows.reduce((all, { bytes }) => all + bytes, 0),
});
