import { chunks } from '../base/concurrency.ts';
import { AppError } from '../base/errors.ts';
import {
  dropListed,
  eraseAgain,
  findErasedList,
  joinErasedList,
  replaceErased,
  selectErased,
  unlearnAgain,
} from '../store/erased.ts';
import type { ErasedLine } from '../store/erased-list.ts';
import type { ErasedRow } from '../store/schema.ts';
import type { App } from './context.ts';
import { queueTraining } from './training.ts';

type Listing = Pick<App, 'db' | 'erased'>;

/** Notes moved at a time. */
const rowsAtOnce = 1000;

const lineOf = ({ seq, kind, row_id }: ErasedRow): ErasedLine => ({ seq, kind, id: row_id });
const rowOf = ({ seq, kind, id }: ErasedLine): ErasedRow => ({ seq, kind, row_id: id });

/** Adds what was erased since to the list beside the keys. After it, no older copy of the data brings that back. */
export async function listErased({ db, erased }: Listing): Promise<void> {
  for (;;) {
    const rows = await selectErased(db.query, erased.last(), rowsAtOnce);
    if (rows.length === 0) return;
    erased.append(rows.map(lineOf));
    await dropListed(db.query, erased.last());
  }
}

/**
 * For the start of the only server, before all else: when the data is older than the list of what was erased, it was
 * put back from a backup, and what was erased since is erased again. Returns how many entries that were.
 * @throws AppError `ErasedListMissing` when the list is missing, another one, or older than the data: then nobody knows
 * what may not come back. Nothing was changed.
 */
export async function eraseWhatWasErased(app: Listing & Pick<App, 'clock' | 'queue'>): Promise<number> {
  const { db, erased } = app;
  const lines = erased.read();
  const own = await findErasedList(db.query);
  const notes = await selectErased(db.query, 1, Number.MAX_SAFE_INTEGER);
  const latest = notes.at(-1)?.seq ?? 1;
  const first = lines[0];
  if (own.kind === 'began') {
    // New data, or data of a version without a list. It joins the list there is; what it noted itself comes after it.
    const id = first?.id ?? own.row_id;
    if (first === undefined) erased.append([{ seq: 1, kind: 'began', id }]);
    const last = erased.last();
    await reapply(app, lines.slice(1));
    await db.transaction(async (tx) => {
      await joinErasedList(tx, id);
      const moved = notes.map((row, index) => ({ ...row, seq: Math.max(last, 1) + 1 + index }));
      const anchor = lines.length > 1 ? [rowOf(lines.at(-1)!)] : [];
      await replaceErased(tx, [...anchor, ...moved]);
    });
    await listErased(app);
    return lines.length === 0 ? 0 : lines.length - 1;
  }
  if (first === undefined || first.id !== own.row_id) throw missing(erased.path, first !== undefined);
  const last = lines.at(-1)!.seq;
  if (latest > last && notes.filter(({ seq }) => seq > last).length !== latest - last) throw missing(erased.path, true);
  const since = lines.filter(({ seq }) => seq > latest);
  if (since.length > 0) {
    await reapply(app, since);
    await db.transaction((tx) => replaceErased(tx, [rowOf(since.at(-1)!)]));
  }
  await listErased(app);
  return since.length;
}

async function reapply(app: Pick<App, 'db' | 'clock' | 'queue'>, lines: readonly ErasedLine[]): Promise<void> {
  for (const some of chunks(lines, rowsAtOnce))
    await app.db.transaction(async (tx) => {
      for (const line of some) {
        if (line.kind === 'models') {
          const unlearned = await unlearnAgain(tx, line.id, app.clock.now());
          if (unlearned !== undefined) await queueTraining(app, tx, unlearned);
          continue;
        }
        const scope = await eraseAgain(tx, rowOf(line), app.clock.now());
        if (scope !== undefined) await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
      }
    });
}

const missing = (path: string, there: boolean): AppError =>
  new AppError(
    'ErasedListMissing',
    `expected the list of what was erased in ${path} but ${there ? 'it is another one, or older than the data' : 'there is none'}: without it, what was erased might come back. Put its newest copy there; docs/operations.md says where copies lie`,
  );
