import type { FastifyRequest } from 'fastify';
import { type Api, keyHeaders, keyPurposes } from '../contract/operation.ts';
import type { KeySlot } from '../domain/account.ts';
import { problem } from '../domain/problems.ts';
import { authenticate } from '../services/accounts.ts';
import type { App } from '../services/context.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The account whose key came with the request; empty where none is asked for. */
    accountId: string;
    /** Which of the pair that key is. */
    keySlot: KeySlot;
  }
}

/**
 * A hook that sets `accountId` and `keySlot`, before any of the body is read.
 * `Ocp-Apim-Subscription-Key`, of Azure's gateway, does for all APIs.
 * @throws AppError `Unauthorized`, the same whether the key is missing, unknown, revoked or for the other API.
 */
export function requireKey(app: App, api: Api): (request: FastifyRequest) => Promise<void> {
  const purpose = keyPurposes[api];
  const name = keyHeaders[purpose].toLowerCase();
  return async (request) => {
    const key = request.headers[name] ?? request.headers['ocp-apim-subscription-key'];
    const holder = typeof key === 'string' && key !== '' ? await authenticate(app, purpose, key) : undefined;
    if (holder === undefined) throw problem('Unauthorized');
    app.traces.note(holder.accountId);
    request.accountId = holder.accountId;
    request.keySlot = holder.slot;
  };
}
