import type { FastifyReply, FastifyRequest } from 'fastify';
import { second } from '../base/clock.ts';
import { accessTo, callKindOf } from '../contract/access.ts';
import { type Api, keyHeaders, keyPurposes, type OperationId } from '../contract/operation.ts';
import { problem } from '../domain/problems.ts';
import { dataActions, mayDo } from '../domain/role.ts';
import { tiers } from '../domain/tier.ts';
import { authenticate, type KeyHolder } from '../services/accounts.ts';
import type { App } from '../services/context.ts';
import type { Rates } from '../services/rates.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose key came with the request; `undefined` where none is asked for. */
    holder: KeyHolder | undefined;
  }
}

/**
 * A hook that sets `holder`, before any of the body is read. The key comes in the header of the API; in
 * `Ocp-Apim-Subscription-Key`, of Azure's gateway; or as `Authorization: Bearer`. The first of these that is there counts.
 * @throws AppError `Unauthorized`, the same whether the key is missing, unknown, revoked, expired or for the other API;
 * `ForbiddenUserInsufficientCapability` when its role may not do this; `TooManyRequests` beyond the calls in a second that
 * the account's tier allows, with `Retry-After`.
 */
export function requireKey(
  app: App,
  rates: Rates,
  api: Api,
  id: OperationId,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const purpose = keyPurposes[api];
  const name = keyHeaders[purpose].toLowerCase();
  const action = accessTo[id];
  const kind = callKindOf(id);
  return async (request, reply) => {
    const { headers } = request;
    const key = headers[name] ?? headers['ocp-apim-subscription-key'] ?? bearerOf(headers.authorization);
    const holder = typeof key === 'string' && key !== '' ? await authenticate(app, purpose, key) : undefined;
    if (holder === undefined) {
      reply.header('www-authenticate', 'Bearer');
      throw problem('Unauthorized');
    }
    const { accountId, role, tier } = holder;
    app.traces.note(accountId);
    request.holder = holder;
    if (role !== 'owner' && action !== 'open' && !mayDo(role, action))
      throw problem(
        'ForbiddenUserInsufficientCapability',
        `Expected a key with the role ${dataActions[action].join(' or ')} for ${id} but received one with the role ${role}.`,
      );
    if (tier === 'Unlimited' || kind === undefined) return;
    const perSecond = tiers[tier].rates[kind];
    const wait = rates.take(accountId, kind, perSecond);
    if (wait === 0) return;
    const seconds = Math.ceil(wait / second);
    reply.header('retry-after', String(seconds));
    throw problem(
      'TooManyRequests',
      `Expected at most ${perSecond} calls of this kind in a second, as the account's tier ${tier} allows, but received more: try again in ${seconds} s.`,
    );
  };
}

/** The key in the header of RFC 6750; `undefined` for another scheme. */
const bearerOf = (header: string | undefined): string | undefined => /^bearer +(\S+) *$/i.exec(header ?? '')?.[1];

const askedBy = new WeakMap<KeyHolder, App>();

/** The application as somebody with a key asks it, so that the account's log says which key did what. */
export function asked(app: App, holder: KeyHolder): App {
  let own = askedBy.get(holder);
  if (own === undefined) {
    own = { ...app, by: holder.key };
    askedBy.set(holder, own);
  }
  return own;
}
