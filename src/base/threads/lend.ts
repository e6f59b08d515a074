import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { AppError } from '../errors.ts';

/** A function that gives bytes by name. */
export type Read = (name: string) => Promise<Uint8Array>;

type Question = { readonly id: number; readonly name: string };
type Answer =
  | { readonly id: number; readonly bytes: Uint8Array }
  | { readonly id: number; readonly code: string | undefined; readonly error: Error };

/** A function lent to another thread: `port` is to be sent there, as one that is handed over. */
export interface Lent {
  readonly port: MessagePort;
  /** Takes it back: what is asked and not answered yet, or asked later, is refused with `ComputeClosed`. */
  close(): void;
}

/** Lends a function: another thread may call it, here it runs. */
export function lend(read: Read): Lent {
  const { port1: own, port2: port } = new MessageChannel();
  own.on('message', async ({ id, name }: Question) => {
    try {
      // A copy of its own, which can be handed over: the bytes may be a part of a larger buffer.
      const bytes = new Uint8Array(await read(name));
      own.postMessage({ id, bytes } satisfies Answer, [bytes.buffer]);
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      own.postMessage({ id, code: error instanceof AppError ? error.code : undefined, error } satisfies Answer);
    }
  });
  return { port, close: () => own.close() };
}

/** The function that is lent through a port: what it throws is thrown here, an AppError with its code. */
export function borrowed(port: MessagePort): Read {
  const waiting = new Map<number, { resolve(bytes: Uint8Array): void; reject(error: unknown): void }>();
  let last = 0;
  let closed = false;
  const refuse = ({ reject }: { reject(error: unknown): void }): void =>
    reject(new AppError('ComputeClosed', 'what was lent has been taken back'));
  port.on('close', () => {
    closed = true;
    for (const one of waiting.values()) refuse(one);
  });
  port.on('message', (answer: Answer) => {
    const { resolve, reject } = waiting.get(answer.id)!;
    waiting.delete(answer.id);
    if ('bytes' in answer) resolve(answer.bytes);
    else
      reject(
        answer.code === undefined ? answer.error : new AppError(answer.code, answer.error.message, answer.error.cause),
      );
  });
  return (name) =>
    new Promise((resolve, reject) => {
      if (closed) return refuse({ reject });
      const id = ++last;
      waiting.set(id, { resolve, reject });
      port.postMessage({ id, name } satisfies Question);
    });
}
