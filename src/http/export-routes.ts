import type { FastifyInstance } from 'fastify';
import { archiveFormats } from '../base/archive-format.ts';
import { problem } from '../domain/problems.ts';
import { exportParts } from '../domain/project-export.ts';
import type { App } from '../services/context.ts';
import { exportedProject, handOver } from '../services/copying/offer.ts';
import { exportAddress, signedExport } from '../services/copying/token.ts';
import { goneSignals } from './until-gone.ts';

/**
 * Hands out projects to whoever has the token of an ExportProject, which is the address itself: what they are, and as an
 * archive. An address that was changed, has ended or is of a project that is gone answers 403.
 */
export function registerExports(server: FastifyInstance, app: App): void {
  const untilGone = goneSignals(server);
  for (const name of Object.values(exportParts))
    server.get(`/prjexp-:project/${name}`, async (request, reply) => {
      const address = exportAddress(new URL(request.url, 'http://localhost'));
      const signed = address && (await signedExport(app, address));
      if (address === undefined || signed === undefined || signed.isOver) throw problem('Forbidden');
      const { scope } = signed;
      reply.header('cache-control', 'private, no-store');
      if (address.part === 'info') return reply.send(await exportedProject(app, scope));
      reply.header('content-disposition', 'attachment').type(archiveFormats.tar.mediaType);
      return reply.send(await handOver(app, scope, untilGone(reply)));
    });
}
