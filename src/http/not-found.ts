import type { FastifyReply, FastifyRequest } from 'fastify';
import { servedVersions } from '../contract/served.ts';
import { problem } from '../domain/problems.ts';

/** Answers what no route answers: 405 where only the method is wrong, else 404 with what would have been right. */
export function answerUnknown(request: FastifyRequest, reply: FastifyReply): never {
  const path = request.url.split('?', 1)[0]!.replace(/(.)\/$/, '$1');
  const methods = [...new Set(operationsAt(path).flatMap(({ method, head }) => (head ? [method, 'HEAD'] : [method])))];
  if (methods.length > 0) {
    reply.header('allow', methods.join(', '));
    throw problem(
      'MethodNotAllowed',
      `Expected ${methods.join(' or ')} for this address but received ${request.method}.`,
    );
  }
  throw problem('NotFound', hintFor(path));
}

const patterns = servedVersions.flatMap(({ operations }) =>
  operations.map((operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`, 'i'),
  })),
);

const operationsAt = (path: string) =>
  patterns.filter(({ pattern }) => pattern.test(path)).map(({ operation }) => operation);

function hintFor(path: string): string {
  const [, version, api] = /^\/customvision\/v([^/]+)\/([^/]+)/i.exec(path) ?? [];
  const wanted = api?.toLowerCase();
  if (version === undefined || (wanted !== 'training' && wanted !== 'prediction')) {
    const all = (['training', 'prediction'] as const).map((name) => `/customvision/{${versionsOf(name)}}/${name}/…`);
    return `There is nothing at this address. Expected ${all.join(' or ')} or /ownsight/v1/….`;
  }
  const isServed = servedVersions.some((served) => served.api === wanted && served.version === version.toLowerCase());
  if (isServed) return `There is no such operation in ${wanted} v${version}, or it is not served yet.`;
  return `Expected one of the versions ${versionsOf(wanted)} for ${wanted} but received v${version}.`;
}

const versionsOf = (api: 'training' | 'prediction'): string =>
  servedVersions
    .filter((served) => served.api === api)
    .map(({ version }) => `v${version}`)
    .join(', ');
