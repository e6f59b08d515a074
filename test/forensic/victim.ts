import { randomBytes } from 'node:crypto';
import sharp from 'sharp';
import { until } from '../fixtures/until.ts';
import type { Canary } from './needles.ts';
import { lookOf } from './scan.ts';

/** Everything that was planted, and how to read it back. */
export interface Victim {
  readonly projectId: string;
  /** Kept by the server, and shown to their owner: sealed where they lie. */
  readonly kept: readonly Canary[];
  /** Not shown again: of requests that were refused, of pictures that were only asked about, names that are only filtered by. */
  readonly passing: readonly Canary[];
  /** What the pictures look like. */
  readonly looks: readonly { readonly kind: string; readonly look: bigint }[];
  /** Every byte that was sent to the server. */
  readonly sent: Buffer;
  /** By the names the contract has for them. */
  readonly ids: Readonly<Record<string, string>>;
}

/** How a server is talked to. */
export interface Access {
  readonly endpoint: string;
  readonly trainingKey: string;
  readonly predictionKey: string;
}

const api = '/customvision/v3.4-preview/training';

/** Talks to a server and keeps what was said and answered. */
export function client(access: Access) {
  const sent: Buffer[] = [];
  async function ask(method: string, path: string, body?: Buffer | object, headers: Record<string, string> = {}) {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json';
    const head = {
      'Content-Type': type,
      'Training-Key': access.trainingKey,
      'Prediction-Key': access.predictionKey,
      ...headers,
    };
    sent.push(Buffer.from(`${method} ${path}\n${JSON.stringify(headers)}\n`), bytes ?? Buffer.alloc(0));
    const response = await fetch(access.endpoint + path, {
      method,
      headers: head,
      ...(bytes === undefined ? {} : { body: new Uint8Array(bytes) }),
    });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  }
  /** The JSON of an answer that must be good. */
  async function json<T>(method: string, path: string, body?: Buffer | object): Promise<T> {
    const { status, bytes } = await ask(method, path, body);
    if (status >= 300)
      throw new Error(`expected ${method} ${path.split('?')[0]} to work but received ${status}: ${bytes}`);
    return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString())) as T;
  }
  return { ask, json, sent: () => Buffer.concat(sent) };
}

/** Random bytes as a Windows bitmap of 4 x n pixels: what is in it stands in the file as it is. */
function bitmap(pixels: Buffer): Buffer {
  const width = 32;
  const height = Math.ceil(pixels.length / (width * 3));
  const head = Buffer.alloc(54);
  head.write('BM');
  head.writeUInt32LE(54 + width * height * 3, 2);
  head.writeUInt32LE(54, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(24, 28);
  return Buffer.concat([head, pixels, Buffer.alloc(width * height * 3 - pixels.length)]);
}

/** A picture that looks like no other: 17 x 16 squares of random grey, as JPEG. */
export async function noise(description?: string): Promise<Buffer> {
  const squares = sharp(randomBytes(17 * 16), { raw: { width: 17, height: 16, channels: 1 } });
  const picture = sharp(await squares.resize(272, 256, { kernel: 'nearest' }).png().toBuffer());
  const exif = description === undefined ? picture : picture.withExif({ IFD0: { ImageDescription: description } });
  return exif.jpeg({ quality: 90 }).toBuffer();
}

/**
 * Makes a project and puts a canary in everything that can be written: each text, the pixels, the EXIF and the tail of
 * pictures, file names, addresses, keys, refused requests. Trains, publishes, predicts and exports.
 */
export async function plantVictim(access: Access, pictureAt: (bytes: Buffer, path: string) => string): Promise<Victim> {
  const { ask, json, sent } = client(access);
  const kept: Canary[] = [];
  const passing: Canary[] = [];
  const looks: { kind: string; look: bigint }[] = [];
  const text = (kind: string, list = kept): string => {
    const word = randomBytes(16).toString('hex');
    list.push({ kind, bytes: Buffer.from(word) });
    return word;
  };
  const raw = (kind: string): Buffer => {
    const bytes = randomBytes(16);
    kept.push({ kind, bytes });
    return bytes;
  };
  const seen = async (kind: string, picture: Buffer): Promise<Buffer> => {
    looks.push({ kind, look: await lookOf(picture) });
    return picture;
  };

  const query = new URLSearchParams({
    name: text('project name'),
    description: text('project description'),
    classificationType: 'Multiclass',
    domainId: '0732100f-1a38-4e49-a514-c9b44c697ab5',
  });
  const project = await json<{ id: string }>('POST', `${api}/projects?${query}`);
  const base = `${api}/projects/${project.id}`;
  const tags: string[] = [];
  for (const one of ['first', 'second']) {
    const named = new URLSearchParams({
      name: text(`name of the ${one} tag`),
      description: text(`description of the ${one} tag`),
    });
    tags.push((await json<{ id: string }>('POST', `${base}/tags?${named}`)).id);
  }

  const exif = text('EXIF of a picture');
  const first = await seen('a picture', Buffer.concat([await noise(exif), raw('bytes after the end of a picture')]));
  const bmp = bitmap(Buffer.concat([raw('pixels of a picture'), randomBytes(3056)]));
  const pictures = [first, bmp, ...(await Promise.all(Array.from({ length: 7 }, () => noise())))];
  for (const picture of pictures.slice(2)) await seen('a picture', picture);
  const images = pictures.map((bytes, index) => ({
    name: `${text('file name', passing)}.jpg`,
    contents: bytes.toString('base64'),
    tagIds: [tags[index % 2]],
  }));
  const metadata = { [text('metadata key')]: text('metadata value') };
  await json('POST', `${base}/images/files`, { images, metadata });
  const fetched = await seen('a picture from an address', await noise());
  const address = (kind: string, bytes: Buffer): string =>
    pictureAt(bytes, `${text(`${kind}: path`, passing)}?sig=${text(`${kind}: query`, passing)}`);
  await json('POST', `${base}/images/urls`, {
    images: [{ url: address('address of a picture', fetched), tagIds: [tags[1]] }],
  });
  const form = new FormData();
  const multipart = await seen('a picture in a form', await noise());
  const fileName = text('file name in a form', passing);
  form.append('file', new Blob([new Uint8Array(multipart)], { type: 'image/jpeg' }), `${fileName}.jpg`);
  const encoded = new Response(form);
  const encodedBytes = Buffer.from(await encoded.arrayBuffer());
  const contentType = encoded.headers.get('content-type')!;
  const uploaded = await ask('POST', `${base}/images?tagIds=${tags[0]}`, encodedBytes, { 'Content-Type': contentType });
  if (uploaded.status !== 200) throw new Error(`expected a form to be taken but received ${uploaded.bytes}`);

  const iteration = await json<{ id: string }>('POST', `${base}/train`);
  const at = `${base}/iterations/${iteration.id}`;
  const ended = await until(
    () => json<{ status: string }>('GET', at),
    ({ status }) => status !== 'Training',
  );
  if (ended.status !== 'Completed') throw new Error(`expected a trained iteration but it is ${ended.status}`);
  await json('PATCH', at, { name: text('iteration name') });
  const published = text('publish name');
  const target = new URLSearchParams({ publishName: published, predictionId: text('publish target') });
  await json('POST', `${at}/publish?${target}`);
  await json('POST', `${at}/export?platform=ONNX`);
  await until(
    () => json<{ status: string }[]>('GET', `${at}/export`),
    ([one]) => one?.status === 'Done',
  );

  const predict = `/customvision/v3.1/prediction/${project.id}/classify/iterations/${published}`;
  const asked = await seen(
    'a picture asked about',
    Buffer.concat([await noise(text('EXIF of a picture asked about')), raw('bytes after a picture asked about')]),
  );
  await json('POST', `${predict}/image?application=${text('application', passing)}`, asked);
  const unkept = text('EXIF of a picture that is not to be stored', passing);
  await json('POST', `${predict}/image/nostore`, await seen('a picture not to be stored', await noise(unkept)));
  await json('POST', `${predict}/url/nostore`, {
    url: address('address of a picture not to be stored', await seen('a picture not to be stored', await noise())),
  });

  // What is refused, each in another way, must not be kept anywhere.
  const refused = async (answer: Promise<{ status: number }>): Promise<void> => {
    const { status } = await answer;
    if (status < 400) throw new Error(`expected a refusal but received ${status}`);
  };
  await refused(ask('GET', `${api}/projects`, undefined, { 'Training-Key': text('a wrong key', passing) }));
  await refused(ask('POST', `${base}/tags?name=${text('an overlong tag name', passing).repeat(20)}`));
  await refused(
    ask('POST', `${base}/images/files`, Buffer.from(`{"images":[{"name":"${text('broken JSON', passing)}"`)),
  );
  await refused(ask('POST', `${predict}/image`, Buffer.from(`GIF89a${text('a broken picture', passing)}`)));
  await refused(
    ask('POST', `${predict}/url`, { url: `http://127.0.0.1:9/${text('an address without a picture', passing)}` }),
  );
  await refused(ask('POST', `${predict.slice(0, -32)}${text('an unknown publish name', passing)}/image`, asked));
  await refused(ask('GET', `/${text('an unknown address', passing)}`));
  await refused(ask('PATCH', base, { name: 7, description: text('a refused description', passing) }));
  const [image] = await json<{ id: string }[]>('GET', `${base}/images`);
  const { results } = await json<{ results: { id: string }[] }>('POST', `${base}/predictions/query`, {});
  const ids = {
    tagId: tags[0]!,
    iterationId: iteration.id,
    imageId: image!.id,
    predictionId: results[0]!.id,
    publishedName: published,
  };
  return { projectId: project.id, kept, passing, looks, sent: sent(), ids };
}

/** Everything the owner can read of a project through the API, with the pictures and models its answers lead to. */
export async function crawl(access: Access, projectId: string): Promise<{ name: string; bytes: Buffer }[]> {
  const { json } = client(access);
  const base = `${api}/projects/${projectId}`;
  const read: { name: string; bytes: Buffer }[] = [];
  const links = new Set<string>();
  const see = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await json<T>(method, path, body);
    const bytes = Buffer.from(JSON.stringify(answer));
    read.push({ name: path, bytes });
    for (const [link] of bytes.toString().matchAll(/http:[^"]+/g)) links.add(link);
    return answer;
  };
  await see('GET', base);
  await see('GET', `${base}/tags`);
  await see('GET', `${base}/images?take=256`);
  await see('POST', `${base}/predictions/query`, { orderBy: 'Newest' });
  for (const { id } of await see<{ id: string }[]>('GET', `${base}/iterations`)) {
    await see('GET', `${base}/iterations/${id}/performance`);
    await see('GET', `${base}/iterations/${id}/performance/images`);
    await see('GET', `${base}/iterations/${id}/export`);
  }
  for (const link of links) read.push({ name: link, bytes: Buffer.from(await (await fetch(link)).arrayBuffer()) });
  return read;
}
