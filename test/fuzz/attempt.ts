import fc, { type Arbitrary } from 'fast-check';
import { type Api, keyHeaders, keyPurposes } from '../../src/contract/operation.ts';
import type { VersionedOperation } from '../../src/contract/version.ts';
import { anyJson, anyText, idNamed, marks, valueFor } from './values.ts';

/** Something a server can be asked for. */
export interface Route extends Pick<VersionedOperation, 'method' | 'path' | 'query' | 'body' | 'reply'> {
  readonly name: string;
  readonly api: Api;
  /** What it is asked about is to be what can be missed. */
  readonly erases: boolean;
}

/** A request as it is told, before its marks are filled in. */
export interface Attempt {
  readonly method: string;
  /** Segments and parameters, not yet encoded; `raw`: as it is. */
  readonly path: readonly string[];
  readonly query: readonly (readonly [name: string, value: string])[];
  /** What follows the query unencoded. */
  readonly rawQuery: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: AttemptBody;
  readonly transport: Transport;
}

/** What an attempt sends along. */
export type AttemptBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'json'; readonly value: unknown; readonly cutAt?: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'picture'; readonly multipart: Multipart | undefined };

/** How pictures are packed; all of it may be wrong. */
export interface Multipart {
  readonly boundary: string;
  /** What the header says the boundary is. */
  readonly announced: string;
  readonly parts: readonly { readonly disposition: string; readonly bytes: Uint8Array | 'picture' }[];
  readonly closed: boolean;
}

/** How the length of the body is told, and whether it is true. */
export type Transport =
  | 'length'
  | 'chunked'
  | 'slow'
  | 'too-short'
  | 'too-long'
  | 'length-twice'
  | 'length-and-chunked'
  | 'negative-length'
  | 'chunks-cut'
  | 'chunks-broken'
  | 'expecting';

/** Those after which a client waits for an answer in vain, or leaves. */
export const broken: ReadonlySet<Transport> = new Set([
  'too-short',
  'too-long',
  'length-twice',
  'length-and-chunked',
  'negative-length',
  'chunks-cut',
  'chunks-broken',
]);

const rarely = <T>(usual: Arbitrary<T>, other: Arbitrary<T>, percent: number): Arbitrary<T> =>
  fc.oneof({ weight: 100 - percent, arbitrary: usual }, { weight: percent, arbitrary: other });

const methods = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'get',
  'NONE',
];

/** Requests for a route: right, nearly right, and wrong in every part. */
export function attempts(route: Route): Arbitrary<Attempt> {
  return fc.record({
    method: rarely<string>(fc.constant(route.method), fc.constantFrom(...methods), 6),
    path: fc.tuple(...route.path.slice(1).split('/').map(segment)),
    query: queryOf(route),
    rawQuery: rarely(
      fc.constant(''),
      fc.constantFrom('&%', '&%ff=%fe', '&a=b&a=c', '&=', '&[]=1', '#x', '&__proto__[x]=1'),
      5,
    ),
    headers: fc.tuple(keyOf(route), typeOf(route), others).map((lists) => lists.flat()),
    body: bodyOf(route),
    transport: rarely<Transport>(
      fc.constantFrom('length', 'length', 'chunked'),
      fc.constantFrom('slow', 'expecting', ...broken),
      12,
    ),
  });
}

/** A part of an address. */
const segment = (part: string): Arbitrary<string> => {
  const [, before, name] = /^(.*)\{(\w+)\}$/.exec(part) ?? [];
  if (name === undefined) return rarely(fc.constant(part), anyText, 1);
  return idNamed(name).map((id) => `${before}${id}`);
};

function queryOf({ query }: Route): Arbitrary<(readonly [string, string])[]> {
  const parameters = Object.entries(query.properties ?? {}).map(([name, schema]) => {
    const required = query.required?.includes(name) === true;
    const value = rarely(valueFor(schema, name, 0).map(asText), anyText, 15);
    const once = value.map((text): [string, string][] => [[name, text]]);
    const twice = fc.tuple(value, value).map((texts) => texts.map((text): [string, string] => [name, text]));
    const none = fc.constant<[string, string][]>([]);
    return rarely(once, fc.oneof(none, twice), required ? 10 : 60);
  });
  const unknown = fc.tuple(anyText, anyText).map((pair): [string, string][] => [pair]);
  return fc.tuple(...parameters, rarely(fc.constant<[string, string][]>([]), unknown, 5)).map((lists) => lists.flat());
}

const asText = (value: unknown): string => (Array.isArray(value) ? value.map(asText).join(',') : String(value));

type Headers = (readonly [string, string])[];

function keyOf({ api }: Route): Arbitrary<Headers> {
  const purpose = keyPurposes[api];
  const right: Headers = [[keyHeaders[purpose], marks.own(`${purpose}Key`, 0)]];
  const wrong = fc.constantFrom<Headers>(
    [],
    [[keyHeaders[purpose], '']],
    [[keyHeaders[purpose], marks.own(purpose === 'training' ? 'predictionKey' : 'trainingKey', 0)]],
    [...right, ...right],
    [...right, [keyHeaders[purpose], 'x']],
    [['Ocp-Apim-Subscription-Key', marks.own(`${purpose}Key`, 0)]],
    [['Authorization', `Bearer ${marks.own(`${purpose}Key`, 0)}`]],
    [['Authorization', 'Bearer a.b.c']],
    [[keyHeaders[purpose], 'x'.repeat(4000)]],
  );
  return rarely(fc.constant(right), wrong, 8);
}

const mediaTypes = {
  json: 'application/json; charset=utf-8',
  pictures: 'application/octet-stream',
  stream: 'application/zip',
};

function typeOf({ body }: Route): Arbitrary<Headers> {
  const right: Headers = body === undefined ? [] : [['Content-Type', mediaTypes[body.kind]]];
  const wrong = fc
    .constantFrom(
      '',
      'text/xml',
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary="b',
      'application/json; charset=utf-16',
      'image/jpeg',
      '/',
      'a'.repeat(3000),
    )
    .map((type): Headers => [['Content-Type', type]]);
  return rarely(fc.constant(right), wrong, 10);
}

const others: Arbitrary<Headers> = rarely(
  fc.constant<Headers>([]),
  fc.constantFrom<Headers>(
    [['Accept', 'text/xml']],
    [['Accept-Language', ',;q=,'.repeat(50)]],
    [['Range', 'bytes=0-0,5-9999999999999999999999']],
    [['Range', 'bytes=-99']],
    [
      ['If-Range', '"x"'],
      ['Range', 'bytes=5-'],
    ],
    [
      ['Host', '\u00e9vil.example'],
      ['X-Forwarded-Host', 'evil.example/<script>'],
      ['X-Forwarded-Proto', 'javascript'],
    ],
    [['Last-Event-ID', '-1']],
    [['Content-Encoding', 'gzip']],
    [['X-Many', 'x'.repeat(20_000)]],
    [['Cookie', 'a=b']],
    [
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade, close'],
    ],
  ),
  12,
);

function bodyOf({ body }: Route): Arbitrary<AttemptBody> {
  const none = fc.constant<AttemptBody>({ kind: 'none' });
  const bytes = fc.uint8Array({ maxLength: 300 }).map((some): AttemptBody => ({ kind: 'bytes', bytes: some }));
  const picture = fc
    .option(multipart, { nil: undefined })
    .map((packed): AttemptBody => ({ kind: 'picture', multipart: packed }));
  const anything = anyJson.map((value): AttemptBody => ({ kind: 'json', value }));
  if (body === undefined) return rarely(none, fc.oneof(bytes, anything), 5);
  if (body.kind === 'pictures') return rarely(picture, fc.oneof(none, bytes, anything), 15);
  if (body.kind === 'stream') return fc.oneof(none, bytes, picture);
  const value = fc.oneof(valueFor(body.schema, '', 0), valueFor(body.schema, '', 0.15));
  const fitting = value.map((one): AttemptBody => ({ kind: 'json', value: one }));
  const cut = fc
    .tuple(value, fc.nat({ max: 60 }))
    .map(([one, cutAt]): AttemptBody => ({ kind: 'json', value: one, cutAt }));
  return rarely(fitting, fc.oneof(none, bytes, anything, cut), 25);
}

const multipart: Arbitrary<Multipart> = fc.record({
  boundary: fc.constantFrom('b', '----WebKitFormBoundaryx', 'a b', 'a'.repeat(100)),
  announced: fc.constantFrom('same', 'same', 'same', '', 'other'),
  parts: fc.array(
    fc.record({
      disposition: fc.constantFrom(
        'Content-Disposition: form-data; name="imageData"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n',
        'Content-Disposition: form-data; name="imageData"\r\n',
        'Content-Disposition: form-data; filename="../../x\0.jpg"\r\n',
        'Content-Disposition\r\n',
        ': : :\r\n\r\n',
        '',
      ),
      bytes: fc.oneof(fc.constant('picture' as const), fc.uint8Array({ maxLength: 40 })),
    }),
    { maxLength: 3 },
  ),
  closed: rarely(fc.constant(true), fc.constant(false), 15),
});
