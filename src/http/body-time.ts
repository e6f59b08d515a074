import type { IncomingMessage } from 'node:http';

/** How long a body that is collected in memory may take whatever its pace, ms; and how long one that is streamed may pause. */
export const bodyTime = 600_000;
/** Bytes a second that come on average of one that takes longer: what the worst of lines still carries. */
const bodyPace = 16 * 1024;

/**
 * Ends a connection whose body drips, so that it holds no memory: what has not come whole after `time`, and does not come at
 * `pace` either. So a bad line may take the night for 512 MB, and a client that has stopped is let go.
 */
export function limitTime(raw: IncomingMessage, time = bodyTime, pace = bodyPace): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = raw.headers;
  // Most requests have no body, and each of them would pay for a timer.
  if (raw.complete || (encoding === undefined && (length === undefined || length === '0'))) return;
  const before = raw.socket.bytesRead;
  let due = 0;
  const timer = setInterval(() => {
    due += (pace * time) / 1000;
    if (raw.socket.bytesRead - before < due) raw.destroy();
  }, time).unref();
  for (const end of ['end', 'close']) raw.once(end, () => clearInterval(timer));
}
