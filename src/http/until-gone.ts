import type { FastifyInstance, FastifyReply } from 'fastify';

/** What tells, for a reply, that the connection has ended before the answer did, or the server stops. */
export function goneSignals(server: FastifyInstance): (reply: FastifyReply) => AbortSignal {
  const stopping = new AbortController();
  server.addHook('preClose', async () => stopping.abort());
  return ({ raw }) => {
    const gone = new AbortController();
    const closed = () => raw.writableFinished || gone.abort();
    if (raw.destroyed) closed();
    else raw.once('close', closed);
    return AbortSignal.any([stopping.signal, gone.signal]);
  };
}
