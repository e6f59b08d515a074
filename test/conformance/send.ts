import { ownCodes } from '../../src/domain/unreachable.ts';
import { type PublishedOperation, type PublishedVersion, publishedVersions } from './published.ts';
import type { Request } from './values.ts';
import type { Answer, World } from './world.ts';

/** How a request is spoilt beyond its parameters. */
export interface Spoilt {
  readonly key?: string;
  /** Sent as it is, instead of the body. */
  readonly raw?: string | Uint8Array;
  readonly type?: string;
}

/** Sends a request as a generated client would. */
export async function send(world: World, request: Request, { key, raw, type }: Spoilt = {}): Promise<Answer> {
  const { operation, body } = request;
  const isPicture = body instanceof Uint8Array;
  const sent = raw ?? (body === undefined || isPicture ? (body as Uint8Array | undefined) : JSON.stringify(body));
  const header = operation.version.api === 'training' ? 'Training-Key' : 'Prediction-Key';
  return world.ask(addressOf(request), {
    method: operation.method,
    headers: {
      ...(key !== undefined && { [header]: key }),
      ...(sent !== undefined && {
        'content-type': type ?? (isPicture ? 'application/octet-stream' : 'application/json'),
      }),
    },
    ...(sent !== undefined && { body: sent }),
  });
}

function addressOf({ operation, path, query }: Request): string {
  const place = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name]!));
  const search = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  );
  return search.length === 0 ? place : `${place}?${search.join('&')}`;
}

/**
 * What an answer has that is not published: a status, a body that does not fit its schema, a code that the version
 * does not know, a refusal of another form; `undefined` when there is nothing.
 */
export function faultOf(operation: PublishedOperation, answer: Answer): string | undefined {
  const { status, text } = answer;
  const { answers, version } = operation;
  if (answers.has(status)) {
    const schema = answers.get(status);
    if (schema === undefined) return text === '' ? undefined : `a body with ${status}: ${text}`;
    if (schema.type === 'file') return undefined;
    const fault = version.fault(schema, JSON.parse(text));
    return fault && `${status} ${fault} in ${text.slice(0, 600)}`;
  }
  if (status < 400 || status > 499) return `status ${status}: ${text.slice(0, 300)}`;
  const body = JSON.parse(text) as Readonly<Record<string, unknown>>;
  // The gateway before the service answers for wrong keys, in a form of its own.
  const keys = Object.keys(body).filter((name) => !(status === 401 && name === 'error'));
  const isFirst = version.version.startsWith('1.') && status !== 401;
  if (keys.join() !== (isFirst ? 'Code,Message' : 'code,message')) return `a refusal with ${keys.join()}`;
  const [code, message] = keys.map((name) => body[name]);
  if (typeof message !== 'string' || message === '') return `the message ${message}`;
  return knownCodes(version).has(String(code)) ? undefined : `the code ${code}, which the version does not know`;
}

let oldest: ReadonlySet<string> | undefined;

/** The codes of a version. Those before 3.0 list none: what they may say is what 3.0 says. */
function knownCodes({ codes }: PublishedVersion): ReadonlySet<string> {
  oldest ??= publishedVersions().find(({ api, version }) => api === 'training' && version === '3.0')!.codes!;
  return new Set([...(codes ?? oldest), ...Object.keys(ownCodes)]);
}
