import { timingSafeEqual } from 'node:crypto';
import { second } from '../../base/clock.ts';
import { withDashes } from '../../base/id.ts';
import { limits } from '../../domain/limits.ts';
import { type ExportPart, type ExportSignature, exportParts } from '../../domain/project-export.ts';
import { keysOfAccount } from '../../store/accounts.ts';
import { listNamedKeys } from '../../store/named-keys.ts';
import type { App, ProjectScope } from '../context.ts';
import { accountOfProject } from '../projects.ts';

type Signing = Pick<App, 'db' | 'keys' | 'clock'>;

/** What an address hands out; `undefined` for any other address. */
export function exportAddress(url: URL): (ExportSignature & { readonly part: ExportPart }) | undefined {
  const [, project = '', name] = /^\/prjexp-([0-9a-f]{32})\/([a-z-]+)$/i.exec(url.pathname) ?? [];
  const projectId = withDashes(project);
  const part = (Object.keys(exportParts) as ExportPart[]).find((one) => exportParts[one] === name?.toLowerCase());
  if (projectId === undefined || part === undefined) return undefined;
  const { searchParams } = url;
  return { projectId, part, signature: searchParams.get('sig') ?? '', expiry: searchParams.get('se') ?? '' };
}

/**
 * Signs for 24 hours that a project may be copied. The signature is worth nothing once the project or the account is
 * deleted, or the key of this id, which asked for it, is replaced, revoked or expired.
 */
export function signExport(app: Signing, scope: ProjectScope, keyId: string): ExportSignature {
  const ends = app.clock.now() + limits.linkHours * 3600 * second;
  const expiry = `${new Date(ends / 1000).toISOString().slice(0, 19)}Z`;
  return { projectId: scope.projectId, signature: sign(app, scope, keyId, expiry), expiry };
}

/** The project that a signature of this server is for, and whether its time is over; `undefined` when it is none. */
export async function signedExport(
  app: Signing,
  { projectId, signature, expiry }: ExportSignature,
): Promise<{ readonly scope: ProjectScope; readonly isOver: boolean } | undefined> {
  const accountId = await accountOfProject(app, projectId);
  if (accountId === undefined || !app.keys.has({ accountId, projectId })) return undefined;
  const scope = { accountId, projectId };
  const given = Buffer.from(signature);
  const isRight = (await ownersKeys(app, accountId)).some((id) => {
    const wanted = Buffer.from(sign(app, scope, id, expiry));
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return isRight ? { scope, isOver: Date.parse(expiry) * 1000 <= app.clock.now() } : undefined;
}

/** The ids of the keys that open ExportProject. */
async function ownersKeys(app: Signing, accountId: string): Promise<string[]> {
  const own = await keysOfAccount(app.db.query, accountId);
  const named = await listNamedKeys(app.db.query, accountId);
  const now = app.clock.now();
  return [
    ...own.filter((key) => key.purpose === 'training'),
    ...named.filter((key) => key.role === 'owner' && (key.expires === null || key.expires > now)),
  ].map(({ id }) => id);
}

const sign = (app: Signing, scope: ProjectScope, keyId: string, expiry: string): string =>
  Buffer.from(app.keys.lookup(scope, 'project-export', `${keyId}\n${expiry}`), 'hex').toString('base64url');
