import type { DoneFuncWithErrOrRes, FastifyReply, FastifyRequest } from 'fastify';

/** How long an answer waits for the rest of a body that nobody wants, ms. */
const patience = 10_000;

/**
 * Reads what is left of a body and throws it away before the answer goes: where the connection ends with the answer, as
 * many clients ask, one that is still writing would see its end instead (RFC 9112, section 9.6). An `onSend` hook for
 * routes that take a body into memory; those that take a stream of any length answer first, see `streaming.ts`.
 */
export function drainBody(
  { raw }: FastifyRequest,
  _: FastifyReply,
  payload: unknown,
  done: DoneFuncWithErrOrRes,
): void {
  if (raw.complete || raw.destroyed) {
    done(null, payload);
    return;
  }
  const finish = (): void => {
    clearTimeout(timer);
    for (const end of ['end', 'close']) raw.off(end, finish);
    done(null, payload);
  };
  const timer = setTimeout(finish, patience);
  for (const end of ['end', 'close']) raw.on(end, finish);
  raw.resume();
}
