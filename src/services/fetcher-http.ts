import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP } from 'node:net';
import { AppError, expected } from '../base/errors.ts';
import { type ProblemCode, problem } from '../domain/problems.ts';
import type { Fetcher, FetchStatus } from './fetcher.ts';

/** What the fetcher may be told. */
export interface FetcherOptions {
  /** Networks (`10.0.0.0/8`, `fd00::/8`) or single addresses that may be reached although they are not public. */
  readonly allowNetworks: readonly string[];
  /** Milliseconds for one picture, name look-up and redirects included, or between two pieces of a stream. Default 15,000. */
  readonly timeoutMs?: number;
}

const mostRedirects = 5;
const redirects: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/**
 * A fetcher for addresses that strangers name. A name is looked up once, every address it has must be allowed, and the
 * connection goes to an address that was checked, so that a second look-up cannot answer otherwise. Sends no cookie, no
 * credential and no referrer, uses no proxy, and undoes no content encoding (a small answer cannot grow).
 * @throws AppError `BadSetting` when `allowNetworks` holds something that is no network.
 */
export function createFetcher(options: FetcherOptions): Fetcher {
  const allowed = networks(options.allowNetworks, 'OWNSIGHT_ALLOW_NETWORKS');
  const timeoutMs = options.timeoutMs ?? 15_000;
  const mayReach = (address: string): boolean => {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (allowed.check(address, family)) return true;
    return family === 'ipv4'
      ? !notPublic.check(address)
      : publicIpv6.check(address, family) && !notPublic.check(address, family);
  };

  /** Every address of a host, if all of them may be reached. */
  const addressesOf = async (
    target: URL,
    signal: AbortSignal,
    refusal: Refusal,
    trusted?: string,
  ): Promise<string[]> => {
    const addresses = await resolve(target, signal, refusal);
    if (target.host !== trusted && !addresses.every(mayReach))
      throw refusal('a public address', 'a private, local or reserved one');
    return addresses;
  };
  /** The answer at the end of the redirects; whoever gets it ends it. */
  const reach = async (url: string, signal: AbortSignal, trusted?: string): Promise<http.IncomingMessage> => {
    let target = parse(url, ofImage);
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const answer = await request(target, await addressesOf(target, signal, ofImage, trusted), asking, signal);
      const location = redirects.has(answer.statusCode) ? answer.headers.location : undefined;
      if (location === undefined) return answer;
      answer.destroy();
      target = parse(location, ofImage, target);
    }
    throw ofImage(`at most ${mostRedirects} redirects`, 'more');
  };

  return {
    fetch: (url, limit, trust) =>
      within(timeoutMs, trust?.signal, ofImage, async (signal) =>
        Buffer.concat(await Array.fromAsync(body(await reach(url, signal, trust?.host), limit))),
      ),
    async *stream(url, limit, signal) {
      const silent = new AbortController();
      // Whoever reads may take as long as they like.
      let isRead = false;
      const timer = setTimeout(() => isRead || silent.abort(), timeoutMs);
      try {
        for await (const piece of body(await reach(url, AbortSignal.any([silent.signal, signal])), limit)) {
          isRead = true;
          yield piece;
          isRead = false;
          timer.refresh();
        }
      } catch (error) {
        signal.throwIfAborted();
        if (silent.signal.aborted) throw ofImage(`bytes again within ${timeoutMs / 1000} s`, 'none', error);
        throw error instanceof AppError ? error : ofImage('an answer', 'a failed connection', error);
      } finally {
        clearTimeout(timer);
      }
    },
    send({ url, method, headers, body, name, timeoutMs: limit = timeoutMs, signal: given }) {
      const refusal = refusalOf('BadRequestInvalidUri', name);
      return within(limit, given, refusal, async (signal) => {
        const target = parse(url, refusal);
        const sent = { method, body, headers: { ...headers, 'content-length': String(body.byteLength) } };
        const answer = await request(target, await addressesOf(target, signal, refusal), sent, signal);
        answer.destroy();
        const status = answer.statusCode ?? 0;
        if (status < 200 || status > 299)
          throw refusal('a status from 200 to 299', `${status}`, { status } satisfies FetchStatus);
      });
    },
  };
}

type Refusal = (wanted: string, received: string, cause?: unknown) => AppError;

/**
 * The one wording of refusals. Says nothing of the address itself: its query may hold a secret, its resolution a map of
 * the network.
 */
const refusalOf =
  (code: ProblemCode, name: string): Refusal =>
  (wanted, received, cause) =>
    problem(code, `expected ${wanted} for ${name} but received ${received}`, cause);

const ofImage = refusalOf('BadRequestImageUrl', 'the image URL');

/** Does `work` within `limit` ms, and says what prevented it. */
async function within<T>(
  limit: number,
  given: AbortSignal | undefined,
  refusal: Refusal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const timeout = AbortSignal.timeout(limit);
  const signal = given === undefined ? timeout : AbortSignal.any([timeout, given]);
  try {
    return await work(signal);
  } catch (error) {
    given?.throwIfAborted();
    if (signal.aborted) throw refusal(`an answer within ${limit / 1000} s`, 'none', error);
    throw error instanceof AppError ? error : refusal('an answer', 'a failed connection', error);
  }
}

function parse(text: string, refusal: Refusal, base?: URL): URL {
  const url = URL.parse(text, base?.href);
  if (url === null) throw refusal('an absolute http or https address', 'something else');
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw refusal('the scheme http or https', `"${url.protocol.slice(0, 20)}"`);
  if (url.username !== '' || url.password !== '')
    throw refusal('an address without user name and password', 'one with them');
  return url;
}

/**
 * Every IP address of the URL's host. Node writes numeric hosts in their usual form, so `0x7f.1` arrives as 127.0.0.1.
 */
async function resolve(url: URL, signal: AbortSignal, refusal: Refusal): Promise<string[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (isIP(host) !== 0) return [host];
  const found = await untilAborted(lookup(host, { all: true }), signal).catch((error: unknown) => {
    throw refusal('a host name that exists', 'one that does not', error);
  });
  return found.map((entry) => entry.address);
}

/** The system's look-up cannot be cancelled, only left behind. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, fail) => {
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    work.then(done, fail);
  });
}

/** How pictures are asked for. */
const asking = { method: 'GET', headers: { accept: 'image/*,*/*;q=0.5' }, body: undefined } as const;

/**
 * Asks one of `addresses`, the first that answers, for `url`; resolves with the answer's head. The host name still goes
 * into the Host header and the TLS check.
 */
function request(
  url: URL,
  addresses: readonly string[],
  sent: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array | undefined;
  },
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  const { request, Agent } = url.protocol === 'https:' ? https : http;
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return new Promise((done, fail) => {
    const asked = request(url, {
      agent: new Agent({ keepAlive: false }),
      lookup: (_host, options, found) =>
        options.all ? found(null, entries) : found(null, entries[0]!.address, entries[0]!.family),
      method: sent.method,
      headers: { ...sent.headers, 'accept-encoding': 'identity', 'user-agent': 'ownsight' },
      signal,
    });
    asked.once('response', done);
    asked.on('error', fail);
    asked.end(sent.body);
  });
}

/** The answer's bytes as they come. Ends the answer, also when nobody reads to its end. */
async function* body(answer: http.IncomingMessage, limit: number): AsyncGenerator<Buffer> {
  try {
    const status = answer.statusCode;
    if (status !== 200) throw ofImage('status 200', `status ${status}`, { status } satisfies FetchStatus);
    const tooLarge = () => ofImage(`at most ${limit} bytes`, 'more');
    if (Number(answer.headers['content-length'] ?? 0) > limit) throw tooLarge();
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) throw tooLarge();
      yield chunk;
    }
  } finally {
    answer.destroy();
  }
}

function networks(list: readonly string[], name: string): BlockList {
  const found = new BlockList();
  for (const text of list) {
    const [address = '', prefix] = text.split('/');
    const version = isIP(address);
    const bits = prefix === undefined || prefix === '' ? (version === 6 ? 128 : 32) : Number(prefix);
    if (version === 0 || !Number.isInteger(bits) || bits < 0 || bits > (version === 6 ? 128 : 32))
      throw new AppError('BadSetting', expected('a network such as 10.0.0.0/8 or fd00::/8', name, text));
    found.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return found;
}

/**
 * Global unicast: all that IANA has handed out of IPv6. What is outside (loopback, mapped IPv4, NAT64, local,
 * multicast) is refused.
 */
const publicIpv6 = networks(['2000::/3'], 'public networks');

/** Addresses that are not on the public internet. Source: IANA special-purpose address registries for IPv4 and IPv6. */
const notPublic = networks(
  [
    '0.0.0.0/8', // this network
    '10.0.0.0/8', // private
    '100.64.0.0/10', // shared by carriers (CGNAT); one cloud's metadata
    '127.0.0.0/8', // loopback
    '168.63.129.16/32', // Azure's host agent, a public address only by its number
    '169.254.0.0/16', // link-local; most clouds' metadata
    '172.16.0.0/12', // private
    '192.0.0.0/24', // protocol assignments; one cloud's metadata
    '192.0.2.0/24', // documentation
    '192.31.196.0/24', // AS112
    '192.52.193.0/24', // AMT
    '192.88.99.0/24', // 6to4 relays
    '192.168.0.0/16', // private
    '192.175.48.0/24', // AS112
    '198.18.0.0/15', // benchmarks
    '198.51.100.0/24', // documentation
    '203.0.113.0/24', // documentation
    '224.0.0.0/4', // multicast
    '240.0.0.0/4', // reserved, broadcast
    '2001::/23', // protocol assignments, Teredo
    '2001:db8::/32', // documentation
    '2002::/16', // 6to4: carries any IPv4 address
    '2620:4f:8000::/48', // AS112
    '3fff::/20', // documentation
  ],
  'private networks',
);
