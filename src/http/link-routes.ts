import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { problem } from '../domain/problems.ts';
import type { App } from '../services/context.ts';
import { linkPath, linkTarget } from '../services/link-path.ts';
import { accountOfProject } from '../services/projects.ts';
import { readLinked } from './linked.ts';
import { isLinkValid } from './links.ts';

/**
 * Serves what links lead to, to whoever has the link. A link that was changed, has expired or is of a project that is
 * gone answers 403, what was deleted since 404. Nothing may be kept by caches in between: deleted is deleted.
 */
export function registerLinks(server: FastifyInstance, app: App): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const target = linkTarget(request.url.split('?', 1)[0]!.replace(/\/$/, ''));
    const accountId = target && (await accountOfProject(app, target.projectId));
    if (target === undefined || accountId === undefined) throw problem('Forbidden');
    const scope = { accountId, projectId: target.projectId };
    if (!isLinkValid(app, scope, target, readSignature(request.query))) throw problem('Forbidden');
    const { bytes, mediaType } = await readLinked(app, scope, linkPath(target), request.method === 'HEAD');
    reply.header('cache-control', 'private, no-store').type(mediaType);
    if (target.kind === 'export') reply.header('content-disposition', 'attachment');
    return reply.send(bytes);
  };
  for (const url of ['/i-:project/:name', '/m-:project/:name', '/predictionimages/:project/:name'])
    server.route({ method: ['GET', 'HEAD'], url, handler });
}

/** A parameter given twice is no signature of ours. */
function readSignature(query: unknown): { readonly sig?: string; readonly se?: string } {
  const { sig, se } = query as Record<string, unknown>;
  return { ...(typeof sig === 'string' && { sig }), ...(typeof se === 'string' && { se }) };
}
