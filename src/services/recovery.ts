import type { EmbeddedQueue } from '../queue/queue-sqlite.ts';
import { failRestores } from '../store/restores.ts';
import type { App } from './context.ts';
import { eraseWhatWasErased } from './erased.ts';
import { resumeErasure } from './erasure.ts';
import { resumeRetention } from './retention.ts';
import { resumeTrash } from './trash-empty.ts';

/**
 * What the only server of its stores does before it opens its port: erases again what a backup brought back, finishes the
 * replacement of the master key, gives back the jobs of the process that was there before, removes what was kept for its
 * time, in the trash too, and what interrupted uploads left,
 * and queues again every removal that is not finished. @throws AppError `ErasedListMissing` before anything is changed.
 */
export async function recover(
  app: Pick<App, 'db' | 'blobs' | 'keys' | 'clock' | 'queue' | 'log' | 'erased'> & { queue: EmbeddedQueue },
): Promise<void> {
  await eraseWhatWasErased(app);
  app.keys.master.resume();
  await app.queue.releaseAll();
  await app.queue.hasten('purge');
  await app.db.transaction((tx) => failRestores(tx, 'server', app.clock.now()));
  await resumeRetention(app);
  await resumeTrash(app);
  await resumeErasure(app);
}
