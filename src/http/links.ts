import { timingSafeEqual } from 'node:crypto';
import { second } from '../base/clock.ts';
import { withoutDashes } from '../base/id.ts';
import type { Links } from '../contract/from-domain.ts';
import { limits } from '../domain/limits.ts';
import { exportParts } from '../domain/project-export.ts';
import { undoToken } from '../services/account-deletion.ts';
import type { App, ProjectScope } from '../services/context.ts';
import { type LinkTarget, linkPath } from '../services/link-path.ts';
import { receiptToken } from '../services/receipts.ts';
import { takeoutToken } from '../services/takeout/takeouts.ts';

const signature = (app: Pick<App, 'keys'>, scope: ProjectScope, target: LinkTarget, expiry: string): string =>
  Buffer.from(app.keys.lookup(scope, 'link', `${linkPath(target)}\n${expiry}`), 'hex').toString('base64url');

/** Makes the links of an account's answers: below `base`, good for 24 hours from now, with no key in them. */
export function createLinks(app: Pick<App, 'keys' | 'clock'>, accountId: string, base: string): Links {
  const expires = app.clock.now() + limits.linkHours * 3600 * second;
  let expiry = '';
  const signed = (path: string, sig: string, until: string): string =>
    `${base}${path}?sv=2017-04-17&sr=b&sig=${sig}&se=${encodeURIComponent(until)}&sp=r`;
  const link = (target: LinkTarget): string => {
    expiry ||= `${new Date(expires / 1000).toISOString().slice(0, 19)}Z`;
    const sig = signature(app, { accountId, projectId: target.projectId }, target, expiry);
    return signed(linkPath(target), sig, expiry);
  };
  return {
    image: (projectId, id, size) => link({ kind: 'image', projectId, id, size }),
    prediction: (projectId, id, size) => link({ kind: 'prediction', projectId, id, size }),
    export: ({ projectId, iterationId, platform, flavor }) =>
      link({ kind: 'export', projectId, iterationId, platform, flavor }),
    undo: (id) => `${base}/ownsight/v1/account/deletion/${id}?token=${undoToken(app, id)}`,
    receipt: (id) => `${base}/ownsight/v1/receipts/${id}/collect?token=${receiptToken(app, id)}`,
    takeout: (id) => `${base}/ownsight/v1/takeouts/${id}/archive?token=${takeoutToken(app, accountId, id)}`,
    project: (of) => signed(`/prjexp-${withoutDashes(of.projectId)}/${exportParts.info}`, of.signature, of.expiry),
  };
}

/**
 * Whether a link to `target` was made by this server, for this project, and has not expired. Takes the same time
 * whatever differs.
 */
export function isLinkValid(
  app: Pick<App, 'keys' | 'clock'>,
  scope: ProjectScope,
  target: LinkTarget,
  { sig = '', se = '' }: { readonly sig?: string; readonly se?: string },
): boolean {
  if (!app.keys.has(scope)) return false;
  const wanted = Buffer.from(signature(app, scope, target, se));
  const given = Buffer.from(sig);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return false;
  return Date.parse(se) * 1000 > app.clock.now();
}
