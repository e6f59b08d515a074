// `npm start` puts a shell between itself and the server, and that shell dies of SIGTERM without passing it on. So the
// server watches its parent: once it is gone, it stops as if it had been asked itself.
import { isMainThread } from 'node:worker_threads';

/**
 * Sends this process SIGTERM when the one that started it ends; looks twice a second and keeps nothing alive. A server that
 * begins anew tells which one that was: it may be gone by then.
 */
export function stopWithParent() {
  const parent = Number(process.env.OWNSIGHT_PARENT ?? process.ppid);
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  timer.unref();
}

if (isMainThread && process.env.npm_lifecycle_event !== undefined) stopWithParent();
delete process.env.OWNSIGHT_PARENT;
