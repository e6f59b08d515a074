import { createHmac } from 'node:crypto';
import { mkdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { syncDirectory, temporaryName } from '../base/durable.ts';
import { AppError } from '../base/errors.ts';
import { saveStream } from '../base/save-stream.ts';
import { problem } from '../domain/problems.ts';
import type { App } from './context.ts';

/**
 * Where a project's exported models and messages go, as its owner said: a folder that the administrator allowed
 * (`file:`), or an address that takes an HTTP request. All refusals are `BadRequestInvalidUri`, and none names the address:
 * it may hold a secret.
 */
export type Reaching = Pick<App, 'fetcher' | 'config'>;

/** Where exported models go, and where messages go, by the names of their settings. */
export type TargetName = 'exportModelContainerUri' | 'notificationQueueUri';

/** Milliseconds that a model may take to get away. */
const modelTimeoutMs = 600_000;

/**
 * Puts a file below a container, replacing one of the same name: a file of the folder, or a PUT as Azure's blob storage
 * takes it (with the signature in the address, as any other part of its query). Returns its address, without that query.
 */
export async function storeFile(
  app: Reaching,
  container: string,
  name: string,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<string> {
  const folder = await folderOf(app, container, 'exportModelContainerUri');
  if (folder !== undefined) {
    const path = join(folder, ...name.split('/'));
    await writeInPlace(path, bytes);
    return pathToFileURL(path).href;
  }
  const url = below(container, name);
  await app.fetcher.send({
    url: url.href,
    method: 'PUT',
    // Source: "Put Blob" of Azure's Blob service REST API; others pass it over.
    headers: { 'x-ms-blob-type': 'BlockBlob', 'content-type': 'application/octet-stream' },
    body: bytes,
    name: 'exportModelContainerUri',
    timeoutMs: modelTimeoutMs,
    signal,
  });
  url.search = '';
  return url.href;
}

/** Removes what {@link storeFile} put, if the container lets it. */
export async function removeFile(app: Reaching, container: string, name: string): Promise<void> {
  const folder = await folderOf(app, container, 'exportModelContainerUri');
  if (folder !== undefined) await rm(join(folder, ...name.split('/')), { force: true });
  else {
    const body = new Uint8Array();
    const url = below(container, name).href;
    await app.fetcher
      .send({ url, method: 'DELETE', headers: {}, body, name: 'exportModelContainerUri' })
      .catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error;
      });
  }
}

/**
 * Sends a message: as a file of its own in the folder, as a message of an Azure storage queue, or as a POST of its JSON,
 * signed with `secret`. `id` is the same whenever the same message is sent again.
 */
export async function sendMessage(
  app: Reaching,
  queue: string,
  message: object,
  { id, secret, signal }: { readonly id: string; readonly secret: string; readonly signal?: AbortSignal },
): Promise<void> {
  const json = Buffer.from(JSON.stringify(message));
  const name = 'notificationQueueUri';
  const folder = await folderOf(app, queue, name);
  if (folder !== undefined) return writeInPlace(join(folder, `${id}.json`), json);
  const url = httpUrl(queue, name);
  if (isStorageQueue(url))
    return app.fetcher.send({
      url: below(queue, 'messages').href,
      method: 'POST',
      // Source: "Put Message" of Azure's Queue service REST API; base64 is what its clients read.
      headers: { 'content-type': 'application/xml' },
      body: Buffer.from(`<QueueMessage><MessageText>${json.toString('base64')}</MessageText></QueueMessage>`),
      name,
      ...(signal && { signal }),
    });
  return app.fetcher.send({
    url: url.href,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ownsight-delivery': id,
      'ownsight-signature': `sha256=${createHmac('sha256', secret).update(json).digest('hex')}`,
    },
    body: json,
    name,
    ...(signal && { signal }),
  });
}

/** A queue of Azure or Azurite: by its host, or by a shared access signature, whose version is a date. */
const isStorageQueue = ({ hostname, searchParams }: URL): boolean =>
  /\.queue\.(core|storage)\./i.test(hostname) ||
  (searchParams.has('sig') && /^\d{4}-\d{2}-\d{2}$/.test(searchParams.get('sv') ?? ''));

function httpUrl(text: string, name: TargetName): URL {
  const url = URL.parse(text);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw problem(
      'BadRequestInvalidUri',
      `expected an http, https or file address for ${name} but received something else`,
    );
  return url;
}

/** The address of something below another, which keeps its query. */
function below(container: string, name: string): URL {
  const url = httpUrl(container, 'exportModelContainerUri');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${name.split('/').map(encodeURIComponent).join('/')}`;
  return url;
}

/** The folder that a `file:` address names; `undefined` for other addresses. Links are followed before it is judged. */
async function folderOf({ config }: Reaching, uri: string, name: TargetName): Promise<string | undefined> {
  const url = URL.parse(uri);
  if (url?.protocol !== 'file:') return undefined;
  const refusal = (received: string) =>
    problem(
      'BadRequestInvalidUri',
      `expected a folder that is there, in one that OWNSIGHT_ALLOW_FOLDERS names, for ${name} but received ${received}`,
    );
  if (url.host !== '') throw refusal('one of another machine');
  const folder = await realpath(url).catch(() => undefined);
  if (folder === undefined) throw refusal('one that is not there');
  for (const one of config.allowFolders) {
    const allowed = await realpath(one).catch(() => one);
    if (folder === allowed || folder.startsWith(allowed.endsWith(sep) ? allowed : allowed + sep)) return folder;
  }
  throw refusal('another one');
}

/** Puts a file in place as a whole, with the folder it is to lie in. */
async function writeInPlace(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName());
  try {
    await mkdir(folder, { recursive: true });
    await saveStream(Readable.from([bytes]), temporary, 'wx');
    await rename(temporary, path);
    await syncDirectory(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw problem('BadRequestInvalidUri', 'expected a folder that can be written to but received another one', error);
  }
}
