import type { OpenApp } from '../app.ts';
import type { KeyScope } from '../store/keys.ts';
import { failRestores } from '../store/restores.ts';
import { tryLock } from './try-lock.ts';

/** What was found when no command was putting anything back any more. */
export interface RestoreLock {
  /** Projects that a command which was killed left half there. */
  readonly left: readonly Required<KeyScope>[];
  unlock(): void;
}

/**
 * Takes the lock that a command has while it puts something back, says of restores whose command is dead that they failed,
 * and has what they left removed. `undefined` while such a command lives.
 */
export async function lockRestores(app: OpenApp): Promise<RestoreLock | undefined> {
  const unlock = tryLock(app, 'restore.lock');
  if (unlock === undefined) return undefined;
  try {
    const left = await app.db.transaction(async (tx) => {
      const scopes = await failRestores(tx, 'command', app.clock.now());
      for (const scope of scopes) await app.queue.enqueue(tx, 'purge', scope, { once: `purge/${scope.projectId}` });
      return scopes;
    });
    return { left, unlock };
  } catch (error) {
    unlock();
    throw error;
  }
}
