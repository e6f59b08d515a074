import { timingSafeEqual } from 'node:crypto';
import { day, type Micros } from '../base/clock.ts';
import { AppError } from '../base/errors.ts';
import { newId } from '../base/id.ts';
import { type PublicJwk, publicJwk, signJws, verifyJws } from '../base/jws.ts';
import type { AuditHead } from '../domain/audit.ts';
import { problem } from '../domain/problems.ts';
import {
  type ErasureCounts,
  type ErasureKind,
  erasureKinds,
  type Receipt,
  type ReceiptContent,
  receiptType,
} from '../domain/receipt.ts';
import { auditHead } from '../store/audit.ts';
import { listBackupRows } from '../store/backups.ts';
import type { Queries, Tx } from '../store/database.ts';
import {
  countScope,
  findErasure,
  findOpenExpired,
  forgetErasures,
  forgetExpired,
  isErased,
  listErasures,
  openErasures,
} from '../store/erasures.ts';
import { isBeingForgotten } from '../store/forgetting.ts';
import type { KeyScope } from '../store/keys.ts';
import type { BackupRow, ErasureRow } from '../store/schema.ts';
import { record } from './audit.ts';
import type { App } from './context.ts';

/** How many ids a receipt lists at most: as many as one request may name. */
const idsListed = 256;
/** How long the receipt of an erased account waits to be fetched, and that of what expired stays. */
const shortReceiptsKept: Micros = 90 * day;

/** What is erased. */
export interface Erasure {
  readonly kind: ErasureKind;
  readonly accountId: string;
  readonly projectId?: string;
  /** Of what was in the trash: the receipt's id, and since when it was invisible. */
  readonly trashed?: { readonly id: string; readonly at: Micros };
  /** The ids named in the request; absent: all there is. */
  readonly ids?: readonly string[];
  /** What is removed for good; absent for a project or account: counted before it is. */
  readonly erased?: ErasureCounts;
  /** What was asked for but stays. */
  readonly kept?: ErasureCounts;
  /** The iterations that are trained anew first, so that they forget it. */
  readonly rebuilds?: readonly string[];
}

/**
 * In the transaction that makes something invisible for good: writes it down, in the account's log too, so that a
 * receipt is signed when the purge has finished. Returns the receipt's id.
 */
export async function beginErasure(app: Pick<App, 'keys' | 'clock'>, tx: Tx, erasure: Erasure): Promise<string> {
  const { kind, accountId, projectId, ids = [], erased, kept = {}, rebuilds } = erasure;
  const id = erasure.trashed?.id ?? newId();
  const asked = erasure.trashed?.at ?? app.clock.now();
  const subjectId = ids.length === 1 ? ids[0] : undefined;
  const subject = {
    accountId,
    ...(projectId === undefined ? {} : { projectId }),
    ...(subjectId === undefined ? {} : { subjectId }),
  };
  const stays = Object.fromEntries(Object.entries(withoutZeros(kept)).map(([name, n]) => [`kept ${name}`, n]));
  // What expired is still being counted when it is written down.
  const counts = kind === 'expired' ? {} : withoutZeros(erased ?? {});
  await record(app, tx, erasureKinds[kind], subject, { ...counts, ...stays, receipt: id });
  await tx
    .insertInto('erasures')
    .values({
      id,
      account_id: accountId,
      project_id: projectId ?? null,
      kind,
      subjects: JSON.stringify(ids.length <= idsListed ? ids : []),
      counts: erased === undefined ? null : JSON.stringify(withoutZeros(erased)),
      kept: JSON.stringify(withoutZeros(kept)),
      keys_destroyed: '[]',
      rebuilds: rebuilds === undefined ? null : JSON.stringify(rebuilds),
      rebuilt: '[]',
      audit: kind === 'account' ? JSON.stringify(await auditHead(tx, app.keys, accountId)) : null,
      asked,
      invisible: asked,
      finished: null,
      receipt: null,
    })
    .execute();
  return id;
}

/**
 * In the transaction that removes what is past its time: adds it to the one erasure that the project's sweep makes,
 * which begins with it. Ids are not told: it was not asked for by id.
 */
export async function addExpired(
  app: Pick<App, 'keys' | 'clock'>,
  tx: Tx,
  { accountId, projectId }: Required<KeyScope>,
  counts: ErasureCounts,
): Promise<void> {
  const open = await findOpenExpired(tx, projectId);
  if (open === undefined) {
    await beginErasure(app, tx, { kind: 'expired', accountId, projectId, erased: counts });
    return;
  }
  const sum: Record<string, number> = { ...(JSON.parse(open.counts ?? '{}') as ErasureCounts) };
  for (const [name, n] of Object.entries(withoutZeros(counts))) sum[name] = (sum[name] ?? 0) + n;
  await tx
    .updateTable('erasures')
    .set({ counts: JSON.stringify(sum) })
    .where('id', '=', open.id)
    .execute();
}

/** An image's row and files, as they are counted. */
export const imageCounts = (images: number): ErasureCounts => ({
  images,
  'image-original': images,
  'image-thumbnail': images,
});

const withoutZeros = (counts: ErasureCounts): ErasureCounts =>
  Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));

/** Before anything of a deleted project or account is removed: counts it and lists its keys, once, for the receipt. */
export async function takeStock(app: Pick<App, 'db' | 'keys' | 'blobs'>, scope: KeyScope): Promise<void> {
  const kind = scope.projectId === undefined ? 'account' : 'project';
  const uncounted = (await openErasures(app.db.query, scope)).filter(
    (row) => row.kind === kind && row.counts === null && (row.project_id ?? undefined) === scope.projectId,
  );
  if (uncounted.length === 0) return;
  const counts = await countScope(app.db.query, app.blobs, scope);
  const keys = app.keys
    .list()
    .filter((one) => one.accountId === scope.accountId)
    .filter((one) => scope.projectId === undefined || one.projectId === scope.projectId)
    .map((one) => (one.projectId === undefined ? one.accountId : `${one.accountId}/${one.projectId}`));
  await app.db.query
    .updateTable('erasures')
    .set({ counts: JSON.stringify(counts), keys_destroyed: JSON.stringify(keys) })
    .where(
      'id',
      'in',
      uncounted.map((row) => row.id),
    )
    .execute();
}

/** The erasures that a purge which begins now will have finished when it ends: not those of images a model still knows. */
export async function erasuresUnderWay(app: Pick<App, 'db'>, scope: KeyScope): Promise<ErasureRow[]> {
  const open = await openErasures(app.db.query, scope);
  const waits = await Promise.all(open.map((row) => isBeingForgotten(app.db.query, row)));
  return open.filter((_, index) => !waits[index]);
}

/** After a purge that removed it all: signs the receipts of what is gone. What an interrupted upload still may write waits for the purge after it. */
export async function finishErasures(
  app: Pick<App, 'db' | 'keys' | 'clock'>,
  erasures: readonly ErasureRow[],
): Promise<void> {
  for (const { id, account_id: accountId, project_id: projectId, kind, counts } of erasures) {
    const scope = { accountId, ...(projectId === null ? {} : { projectId }) };
    if ((kind === 'account' || kind === 'project') && !(await isErased(app.db.query, scope))) continue;
    const row = await findErasure(app.db.query, id);
    if (row === undefined || row.finished !== null) continue;
    const finished = app.clock.now();
    const forgotten = row.rebuilds === null ? {} : await countForgotten(app.db.query, row);
    const masterKeyRotated = kind === 'account' ? rotateMaster(app) : undefined;
    const backups = (await listBackupRows(app.db.query)).filter(({ made }) => made <= finished);
    const content = contentOf({ ...row, ...forgotten, finished }, backups, masterKeyRotated);
    const receipt = await signJws(content, app.keys.signing(), receiptType);
    await app.db.transaction(async (tx) => {
      const { numUpdatedRows } = await tx
        .updateTable('erasures')
        .set({ ...forgotten, finished, receipt })
        .where('id', '=', id)
        .where('finished', 'is', null)
        // If more expired since the purge began, the purge after it signs.
        .$if(kind === 'expired', (of) => of.where('counts', '=', counts))
        .executeTakeFirst();
      if (numUpdatedRows === 0n) return;
      if (kind === 'expired') return forgetExpired(tx, accountId, finished - shortReceiptsKept);
      if (kind === 'account') await forgetErasures(tx, accountId, finished - shortReceiptsKept);
      else if (await isLiving(tx, accountId)) await record(app, tx, 'erasure-finished', { ...scope, subjectId: id });
    });
  }
}

/** Of images that were to be forgotten: how many are gone in the end, and how many an iteration still holds. */
async function countForgotten(db: Queries, row: ErasureRow): Promise<Pick<ErasureRow, 'counts' | 'kept'>> {
  const ids = JSON.parse(row.subjects) as string[];
  const left = await db
    .selectFrom('images')
    .select((at) => at.fn.countAll<number>().as('n'))
    .where('id', 'in', ids)
    .executeTakeFirstOrThrow();
  const kept = Number(left.n);
  const counts = { ...(JSON.parse(row.counts ?? '{}') as ErasureCounts), ...imageCounts(ids.length - kept) };
  return { counts: JSON.stringify(withoutZeros(counts)), kept: JSON.stringify(withoutZeros({ images: kept })) };
}

async function isLiving(tx: Tx, accountId: string): Promise<boolean> {
  const row = await tx.selectFrom('accounts').select('deleted').where('id', '=', accountId).executeTakeFirst();
  return row?.deleted === null;
}

/** A disk that is full does not keep an erasure from ending: the receipt says what could not be done. */
function rotateMaster({ keys }: Pick<App, 'keys'>): boolean {
  try {
    return keys.master.rotate();
  } catch (error) {
    if (error instanceof AppError && error.code === 'ErrorStorageFull') return false;
    throw error;
  }
}

function contentOf(
  row: ErasureRow,
  backups: readonly BackupRow[],
  masterKeyRotated: boolean | undefined,
): ReceiptContent {
  const keysDestroyed = JSON.parse(row.keys_destroyed) as string[];
  const ids = JSON.parse(row.subjects) as string[];
  const rebuilt = JSON.parse(row.rebuilt) as string[];
  const date = (moment: Micros): string => new Date(Math.floor(moment / 1000)).toISOString();
  return {
    iss: 'ownsight',
    cause: row.kind === 'expired' ? 'retention' : 'request',
    jti: row.id,
    scope: {
      kind: row.kind,
      account: row.account_id,
      ...(row.project_id === null ? {} : { project: row.project_id }),
      ...(ids.length === 0 ? {} : { ids }),
    },
    erased: JSON.parse(row.counts ?? '{}') as ErasureCounts,
    kept: JSON.parse(row.kept) as ErasureCounts,
    keysDestroyed,
    backups: backups.map(({ id, made, until }) => ({
      id,
      made: date(made),
      until: date(until),
      noise: keysDestroyed.length > 0,
    })),
    ...(masterKeyRotated === undefined ? {} : { masterKeyRotated }),
    ...(rebuilt.length === 0 ? {} : { rebuilt }),
    asked: date(row.asked),
    invisible: date(row.invisible),
    finished: date(row.finished!),
    ...(row.audit === null ? {} : { audit: JSON.parse(row.audit) as AuditHead }),
  };
}

/** The account's erasures, latest first, with their receipts. */
export async function listReceipts(app: Pick<App, 'db'>, accountId: string): Promise<Receipt[]> {
  return (await listErasures(app.db.query, accountId)).map(receiptFromRow);
}

/** One of the account's. @throws AppError `NotFound`. */
export async function getReceipt(app: Pick<App, 'db'>, accountId: string, id: string): Promise<Receipt> {
  const row = await findErasure(app.db.query, id);
  if (row?.account_id !== accountId) throw problem('NotFound', 'There is no such receipt.');
  return receiptFromRow(row);
}

/** What lets whoever has it fetch this receipt, and nothing else, when the account's keys are gone with the account. */
export const receiptToken = (app: Pick<App, 'keys'>, id: string): string =>
  app.keys.lookup(undefined, 'receipt-token', id);

/** The receipt of this id, for whoever has its token. @throws AppError `NotFound`, the same for a wrong token. */
export async function collectReceipt(app: Pick<App, 'db' | 'keys'>, id: string, token: string): Promise<Receipt> {
  const [given, right] = [Buffer.from(token), Buffer.from(receiptToken(app, id))];
  const row =
    given.length === right.length && timingSafeEqual(given, right) ? await findErasure(app.db.query, id) : undefined;
  if (row === undefined) throw problem('NotFound', 'There is no such receipt.');
  return receiptFromRow(row);
}

const receiptFromRow = (row: ErasureRow): Receipt => ({
  id: row.id,
  kind: row.kind,
  projectId: row.project_id,
  state: row.finished === null ? 'Erasing' : 'Finished',
  asked: row.asked,
  finished: row.finished,
  receipt: row.receipt,
});

/** The key that this server's receipts are verified with. */
export const receiptKey = (app: Pick<App, 'keys'>): Promise<PublicJwk> => publicJwk(app.keys.signing());

/** What a receipt says, if this key signed it and nothing in it was changed; else `undefined`. Needs no server. */
export const verifyReceipt = async (receipt: string, key: Pick<PublicJwk, 'x'>): Promise<ReceiptContent | undefined> =>
  (await verifyJws(receipt, key, receiptType)) as ReceiptContent | undefined;
