import { setTimeout as pauseFor } from 'node:timers/promises';
import { AppError, expected } from '../../base/errors.ts';

/** What differs between the versions of the Training API that are asked, newest first. Source: their Swagger files. */
export const versions = [
  { name: '3.4-preview', path: 'v3.4-preview/training', list: 'all', metadata: true, original: true, type: true },
  { name: '3.3', path: 'v3.3/training', list: 'all', metadata: true, original: true, type: true },
  { name: '3.2', path: 'v3.2/training', list: 'tagged and untagged', metadata: false, original: true, type: true },
  { name: '3.1', path: 'v3.1/training', list: 'tagged and untagged', metadata: false, original: true, type: true },
  { name: '3.0', path: 'v3.0/training', list: 'tagged and untagged', metadata: false, original: true, type: true },
  { name: '2.2', path: 'v2.2/Training', list: 'tagged and untagged', metadata: false, original: true, type: true },
  { name: '2.1', path: 'v2.1/Training', list: 'tagged and untagged', metadata: false, original: false, type: true },
  { name: '2.0', path: 'v2.0/Training', list: 'tagged and untagged', metadata: false, original: false, type: false },
] as const;
/** One of them. `original`: it tells where originals lie; `type`: whether a picture carries one tag or several. */
export type ApiVersion = (typeof versions)[number];

/** A resource that is to be imported, and its key. */
export interface Access {
  /** `https://<name>.cognitiveservices.azure.com`, as the portal shows it. */
  readonly endpoint: string;
  /** Sent to the endpoint only; never kept, never written anywhere. */
  readonly key: string;
  /** One of {@link versions}; default: the newest that answers. */
  readonly apiVersion?: string | undefined;
  /** Waits, `ms` of them. Default: as long as that takes. */
  readonly pause?: (ms: number, signal: AbortSignal | undefined) => Promise<unknown>;
}

/** A Custom Vision resource that answers. */
export interface CustomVision {
  readonly version: ApiVersion;
  /** Scheme, host and port. */
  readonly origin: URL;
  /** The JSON at a path below the version's; `undefined` when there is no such thing (404). @throws AppError `ImportRefused`. */
  get(path: string, signal: AbortSignal | undefined): Promise<unknown>;
  /** `work`, again and again with growing pauses while it fails for a passing reason. */
  patiently<T>(signal: AbortSignal | undefined, work: () => Promise<T>, wait: Wait): Promise<T>;
}

/** How long to wait before a further try, ms, 0 = as usual; `undefined`: a further try is of no use. */
type Wait = (error: unknown) => number | undefined;

const tries = 8;
const [firstPause, longestPause] = [500, 30_000];
/** The longest a server may make us wait, ms. */
const mostPatience = 600_000;
/** Bytes of one answer: a page of 256 pictures with 300 regions each is a third of it. */
const mostAnswer = 64 * 1024 * 1024;
const answerTime = 100_000;

/** An answer that is no 200. */
interface Refusal {
  readonly status: number;
  /** Milliseconds it asks to wait. */
  readonly after: number;
}

/** Whether another try may do better: it asks to wait, or is in trouble itself. */
export const isPassing = (status: number): boolean => status === 408 || status === 429 || status >= 500;

/**
 * Finds the newest version of the Training API that answers with this key.
 * @throws AppError `ImportRefused`: no address, no Custom Vision there, or a key that is refused.
 */
export async function connect(access: Access, signal: AbortSignal | undefined): Promise<CustomVision> {
  const base = endpointOf(access.endpoint);
  const wanted = access.apiVersion?.replace(/^v/i, '').toLowerCase();
  const candidates = versions.filter((one) => wanted === undefined || one.name === wanted);
  if (candidates.length === 0)
    throw refused(expected(`one of ${versions.map((one) => one.name).join(', ')}`, '--api-version', access.apiVersion));
  for (const version of candidates) {
    const client = clientOf(access, base, version);
    if (Array.isArray(await client.get('projects', signal))) return client;
  }
  throw refused(
    `expected the Training API of Custom Vision${wanted === undefined ? '' : ` in version ${wanted}`} at ${base.href} but received none`,
  );
}

const refused = (message: string, cause?: unknown): AppError => new AppError('ImportRefused', message, cause);

function endpointOf(text: string): URL {
  const url = URL.parse(text.trim());
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw refused(expected('an address such as https://<name>.cognitiveservices.azure.com', '--endpoint', text));
  // People copy addresses from wherever: all that comes after the host and a reverse proxy's folder goes.
  const folder = url.pathname.replace(/\/customvision(\/.*)?$/i, '').replace(/\/+$/, '');
  return new URL(`${url.origin}${folder}/`);
}

function clientOf(access: Access, base: URL, version: ApiVersion): CustomVision {
  const pause = access.pause ?? ((ms, signal) => pauseFor(ms, undefined, signal === undefined ? {} : { signal }));
  const patiently: CustomVision['patiently'] = async (signal, work, wait) => {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      try {
        return await work();
      } catch (error) {
        signal?.throwIfAborted();
        const after = wait(error);
        if (after === undefined || attempt === tries || after > mostPatience) throw error;
        await pause(Math.max(after, Math.min(longestPause, firstPause * 2 ** (attempt - 1))), signal);
      }
    }
  };
  let answered = false;
  return {
    version,
    origin: base,
    patiently,
    get: (path, signal) =>
      patiently(
        signal,
        async () => {
          const answer = await ask(new URL(`customvision/${version.path}/${path}`, base), access.key, signal);
          answered = true;
          return answer;
        },
        (error) => {
          const { cause } = error as { cause?: Partial<Refusal> };
          // An address where nobody ever answered is more likely wrong than busy.
          if (cause instanceof Error) return answered ? 0 : undefined;
          return cause?.status !== undefined && isPassing(cause.status) ? (cause.after ?? 0) : undefined;
        },
      ),
  };
}

async function ask(url: URL, key: string, signal: AbortSignal | undefined): Promise<unknown> {
  const where = `${url.origin}${url.pathname}`;
  let answer: Response;
  let text: string;
  try {
    const timeout = AbortSignal.timeout(answerTime);
    answer = await fetch(url, {
      headers: { 'Training-Key': key, accept: 'application/json' },
      // The key goes to the address that was named and no further.
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    // A service that repeats the key must not bring it into a report.
    text = (await textOf(answer, where)).replaceAll(key, '…');
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw refused(`expected an answer from ${where} but received none`, error instanceof Error ? error : new Error());
  }
  const { status } = answer;
  if (status === 404) return undefined;
  if (status === 401 || status === 403)
    throw refused(
      `The key is refused by ${url.origin}: take one of the two keys of the training resource. ${said(text)}`,
    );
  if (status !== 200)
    throw refused(`expected an answer from ${where} but received status ${status}. ${said(text)}`, {
      status,
      after: waitAsked(answer),
    } satisfies Refusal);
  try {
    return JSON.parse(text);
  } catch {
    throw refused(`expected JSON from ${where} but received something else`);
  }
}

async function textOf(answer: Response, where: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body ?? []) {
    bytes += piece.byteLength;
    if (bytes > mostAnswer) throw refused(`expected at most ${mostAnswer} bytes from ${where} but received more`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, bytes).toString('utf8');
}

/** What a service says of its refusal, cut short, without what could play with a terminal. */
function said(text: string): string {
  try {
    const { code, message } = JSON.parse(text) as { code?: unknown; message?: unknown };
    if (typeof message !== 'string') return '';
    const words = `It says: ${typeof code === 'string' ? `${code}: ` : ''}${message}`;
    return words.replaceAll(/\p{Cc}/gu, ' ').slice(0, 200);
  } catch {
    return '';
  }
}

/** Retry-After in milliseconds (RFC 9110, 10.2.3): seconds, or a date against the answer's own. */
function waitAsked(answer: Response): number {
  const asked = answer.headers.get('retry-after');
  if (asked === null) return 0;
  if (/^\d+$/.test(asked)) return Number(asked) * 1000;
  const wait = Date.parse(asked) - Date.parse(answer.headers.get('date') ?? '');
  return Number.isFinite(wait) ? Math.max(0, wait) : 0;
}
