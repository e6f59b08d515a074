import type { Micros } from '../base/clock.ts';
import { second } from '../base/clock.ts';
import type { BlobKey } from '../store/blobs.ts';
import type { KeyScope } from '../store/keys.ts';
import { abandonBlobs, announceBlobs } from '../store/loose-blobs.ts';
import type { App, ProjectScope } from './context.ts';

/** How long blobs that were announced are left alone before a sweep takes them: far longer than storing them takes. */
const patience: Micros = 3600 * second;

/**
 * Announces blobs and runs `work`, which puts them and ends with the transaction that keeps them (`keepBlobs`) or gives
 * some up (`abandonBlobs`). If `work` fails, all are given up and their removal is queued; if the process dies, the
 * next start removes them. So no blob is ever without either a row or an announcement.
 */
export async function storing<T>(
  app: Pick<App, 'db' | 'clock' | 'queue'>,
  scope: ProjectScope,
  keys: readonly BlobKey[],
  work: () => Promise<T>,
): Promise<T> {
  await app.db.transaction((tx) => announceBlobs(tx, scope.projectId, keys, app.clock.now() + patience));
  try {
    return await work();
  } catch (error) {
    // A full disk may refuse this too; then the announcement stands and the sweep comes later.
    await app.db
      .transaction(async (tx) => {
        await abandonBlobs(tx, scope.projectId, keys);
        await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
      })
      .catch(() => undefined);
    throw error;
  }
}

/**
 * Makes the key of an account or project that is about to be created. A purge is queued first, which destroys the key
 * if no row has come to use it by then, and changes nothing otherwise: so an interrupted creation leaves no key behind.
 */
export async function createKey(app: Pick<App, 'db' | 'clock' | 'queue' | 'keys'>, scope: KeyScope): Promise<void> {
  await app.db.transaction((tx) => app.queue.enqueue(tx, 'purge', scope, { runAt: app.clock.now() + patience }));
  app.keys.create(scope);
}
