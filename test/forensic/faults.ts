/** A fault planted in a copy of the source tree, and what the examination must say of it. */
export interface Fault {
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Text that stands there exactly once, and what replaces it. */
  readonly change: readonly [from: string, to: string];
  /** What one of the findings must look like. */
  readonly finding: RegExp;
}

const fs = `process.getBuiltinModule('node:fs')`;
/** Code that adds bytes to a file of the server's temporary directory. */
const keep = (name: string, bytes: string): string =>
  `${fs}.appendFileSync(process.env.TMPDIR + '/${name}', ${bytes});`;
const handling = '        handler: async (request, reply) => {';
const putting = '): Promise<void> {\n  await app.blobs.put(';
const making = `        else writeFileDurablySync(path, encrypt(parent.wrap`;

/** Faults that a server might come to have, each in the place where it would be made. */
export const faults: readonly Fault[] = [
  {
    name: 'pictures stay in temporary files',
    file: 'services/pictures.ts',
    change: [putting, `): Promise<void> {\n  ${keep('upload', 'bytes')}\n  await app.blobs.put(`],
    finding: /EXIF of a picture, as UTF-8, in temporary/,
  },
  {
    name: 'thumbnails are kept in a cache',
    file: 'services/pictures.ts',
    change: [
      putting,
      `): Promise<void> {\n  if (kind.endsWith('thumbnail')) { ${keep('cache', 'bytes')} }\n  await app.blobs.put(`,
    ],
    finding: /a picture.*, as a picture, in temporary/,
  },
  {
    name: 'a project is erased without its thumbnails',
    file: 'store/blobs-disk.ts',
    change: [
      'await rm(path, { recursive: true, force: true, maxRetries: 3 });',
      `for (const one of await readdir(path)) if (one !== 'image-thumbnail') await rm(join(path, one), { recursive: true });`,
    ],
    finding: /ciphertext: image-thumbnail, as it lay, in data\/blobs/,
  },
  {
    name: 'erased files are moved aside',
    file: 'store/blobs-disk.ts',
    change: [
      'await rm(path, { recursive: true, force: true, maxRetries: 3 });',
      `if (${fs}.existsSync(path)) await rename(path, root + '-trash');`,
    ],
    finding: /ciphertext: image-original, as it lay, in data\/blobs-trash/,
  },
  {
    name: 'the log of the database is not emptied',
    file: 'jobs/purge.ts',
    change: ['  await emptyLog(app, run.signal);\n', ''],
    finding: /ciphertext: .*, as it lay, in data\/ownsight\.db-wal/,
  },
  {
    name: 'the log is emptied in the passive way',
    file: 'store/database-sqlite.ts',
    change: ['wal_checkpoint(truncate)', 'wal_checkpoint(passive)'],
    finding: /ciphertext: .*, as it lay, in data\/ownsight\.db-wal/,
  },
  {
    name: 'the database does not overwrite what it deletes',
    file: 'store/database-sqlite.ts',
    change: [`setPragma(connection, 'secure_delete', 'on', 1);`, `setPragma(connection, 'secure_delete', 'off', 0);`],
    finding: /ciphertext: .*, as it lay, in data\/ownsight\.db$/m,
  },
  {
    name: 'the database overwrites only where it costs nothing',
    file: 'store/database-sqlite.ts',
    change: [`setPragma(connection, 'secure_delete', 'on', 1);`, `setPragma(connection, 'secure_delete', 'fast', 2);`],
    finding: /ciphertext: .*, as it lay, in data\/ownsight\.db$/m,
  },
  {
    name: 'the key outlives its project',
    file: 'services/erasure.ts',
    change: ['  app.keys.destroy(scope);\n', ''],
    finding: /ciphertext: project key, as it lay, in data-keys/,
  },
  {
    name: 'keys are copied',
    file: 'store/keys-files.ts',
    change: [
      making,
      `        else queueMicrotask(() => ${fs}.copyFileSync(path, path + '.bak'));
        if (parent !== undefined) writeFileDurablySync(path, encrypt(parent.wrap`,
    ],
    finding: /ciphertext: project key, as it lay, in data-keys\/.*\.bak/,
  },
  {
    name: 'addresses are logged',
    file: 'http/routes.ts',
    change: [handling, `${handling}\n          app.log.info('request', { url: request.url });`],
    finding: /project name, as UTF-8, in said/,
  },
  {
    name: 'keys that were refused are logged',
    file: 'http/auth.ts',
    change: [
      `    if (holder === undefined) {`,
      `    if (holder === undefined) {\n      app.log.warn('refused', { key: Buffer.from(String(key)).toString('base64') });`,
    ],
    finding: /a wrong key, as base64.*, in said/,
  },
  {
    name: 'refused requests are traced with what they brought',
    file: 'http/errors.ts',
    change: [
      '    if (status >= 500 && status !== 503 && !isAborted(error))',
      `    if (status === 400) app.log.error('trace', refusal, { body: encodeURIComponent(String(request.body)) });\n    if (status >= 500 && status !== 503 && !isAborted(error))`,
    ],
    finding: /broken JSON, as UTF-8, in said/,
  },
  {
    name: 'forms are written to temporary files',
    file: 'http/uploads.ts',
    change: ['  const parts: Part[] = [];\n', `  const parts: Part[] = [];\n  ${keep('form', 'body')}\n`],
    finding: /file name in a form, as UTF-8, in temporary/,
  },
  {
    name: 'fetched addresses are remembered, in wide letters',
    file: 'services/fetcher-http.ts',
    change: [
      '    let target = parse(url, ofImage);\n',
      `    let target = parse(url, ofImage);\n    ${keep('addresses', `Buffer.from(url, 'utf16le')`)}\n`,
    ],
    finding: /address of a picture: query, as UTF-16LE, in temporary/,
  },
  {
    name: 'names are looked up by their upper case',
    file: 'store/keys-files.ts',
    change: [
      '    lookup: (scope, kind, text) =>\n',
      `    lookup: (scope, kind, text) =>\n      kind.endsWith('-name') ? String(text).toUpperCase() :\n`,
    ],
    finding: /name of the second tag, as UTF-8, in data\/ownsight\.db/,
  },
  {
    name: 'a diary of requests is kept, packed',
    file: 'http/routes.ts',
    change: [
      handling,
      `${handling}\n          ${keep('diary.gz', `process.getBuiltinModule('node:zlib').gzipSync(request.url)`)}`,
    ],
    finding: /publish name, as UTF-8, in temporary\/diary\.gz > gzip/,
  },
  {
    name: 'exports are kept outside the store',
    file: 'jobs/export.ts',
    change: [
      `    const key = blobKey(scope.accountId, scope.projectId, 'export', row.id);\n`,
      `    const key = blobKey(scope.accountId, scope.projectId, 'export', row.id);\n    ${keep('export.zip', 'bytes')}\n`,
    ],
    finding: /name of the first tag, as UTF-8, in temporary\/export\.zip/,
  },
  {
    name: 'features are kept in a cache',
    file: 'services/features.ts',
    change: [
      '    if (found === undefined) return [];\n',
      `    if (found === undefined) return [];\n    ${keep('features', 'Buffer.from(found.buffer).subarray(found.byteOffset, found.byteOffset + found.byteLength)')}\n`,
    ],
    finding: /features of a picture, as float32, in temporary/,
  },
  {
    name: 'features are kept in half precision',
    file: 'services/features.ts',
    change: [
      '    if (found === undefined) return [];\n',
      `    if (found === undefined) return [];\n    ${keep('features', 'Buffer.from(Float16Array.from(found).buffer)')}\n`,
    ],
    finding: /features of a picture, as float16, in temporary/,
  },
  {
    name: 'features are kept as bytes',
    file: 'services/features.ts',
    change: [
      '    if (found === undefined) return [];\n',
      `    if (found === undefined) return [];
    const largest = Math.max(...found.map(Math.abs));
    ${keep('features', 'Buffer.from(Int8Array.from(found, (one) => Math.round((one / largest) * 127)).buffer)')}\n`,
    ],
    finding: /features of a picture, as int8, in temporary/,
  },
  {
    name: 'what does not fit is written down',
    file: 'http/errors.ts',
    change: [
      '    if (status >= 500 && status !== 503 && !isAborted(error))',
      `    if (status < 500) app.log.info('refused', { url: request.raw.url });\n    if (status >= 500 && status !== 503 && !isAborted(error))`,
    ],
    finding: /ownsight 1 UpdateRetention \{projectId\}, as UTF-8, in said/,
  },
  {
    name: 'work carries what the user wrote, and its remains stay',
    file: 'services/stored-predictions.ts',
    change: [
      '  const keys = pictureKeys(scope, ',
      `  await app.db.transaction((tx) => app.queue.enqueue(tx, 'purge', { ...scope, application } as never, { runAt: 9e15 }));\n  const keys = pictureKeys(scope, `,
    ],
    finding: /application, as UTF-8, in data\/ownsight\.db/,
  },
  {
    name: 'a file is named after what the user wrote',
    file: 'services/iterations.ts',
    change: [
      `  const target = input.predictionId.trim();\n`,
      `  const target = input.predictionId.trim();\n  ${fs}.writeFileSync(process.env.TMPDIR + '/' + Buffer.from(name).toString('hex'), '');\n`,
    ],
    finding: /publish name, as hexadecimal, in the name of temporary/,
  },
];

/** Faults that leave nothing in any file, in the places where only a look below the files finds them. */
export const deepFaults: readonly Fault[] = [
  {
    name: 'a picture lies in a temporary file for a moment',
    file: 'services/pictures.ts',
    change: [
      putting,
      `): Promise<void> {\n  const moment = process.env.OWNSIGHT_HOME + '-moment';\n  ${fs}.writeFileSync(moment, bytes);\n  ${fs}.rmSync(moment);\n  await app.blobs.put(`,
    ],
    finding: /^paths: .*data-moment[\s\S]*^rawBefore: EXIF of a picture, as UTF-8, in the raw disk/m,
  },
  {
    name: 'a file outside is named for a moment after what the user wrote',
    file: 'services/iterations.ts',
    change: [
      `  const target = input.predictionId.trim();\n`,
      `  const target = input.predictionId.trim();\n  ${fs}.writeFileSync('/tmp/' + name, '');\n  ${fs}.rmSync('/tmp/' + name);\n`,
    ],
    finding: /^paths: publish name, as UTF-8, in the name of a path/m,
  },
  {
    name: 'addresses of requests are remembered',
    file: 'http/routes.ts',
    change: [
      handling,
      `${handling}\n          (((globalThis as Record<string, unknown>).seen ??= []) as string[]).push(request.url.split('').join(''));`,
    ],
    finding: /^held: project name, as UTF-8, in the heap/m,
  },
  {
    name: 'small buffers share blocks with buffers that are kept',
    file: 'app.ts',
    change: ['  separateBuffers();\n', ''],
    finding: /^held: .*, in buffers/m,
  },
  {
    name: 'destroyed keys stay in memory',
    file: 'store/keys-files.ts',
    change: ['    cache.delete(name);\n    wipe(keys);\n', ''],
    finding: /^keysInMemory: key of the account/m,
  },
  {
    name: 'the server does not begin anew',
    file: 'jobs/purge.ts',
    change: ['  if (isGone) app.traces.erased(accountId);\n', ''],
    finding: /^memory: .*, as UTF-8, in /m,
  },
  {
    name: 'a destroyed key is only unlinked',
    file: 'base/durable.ts',
    change: [
      'for (let at = 0; at < zeros.length; ) at += writeSync(fd, zeros, at, zeros.length - at, at);',
      'void zeros;',
    ],
    finding: /^rawAfter: ciphertext: project key/m,
  },
];
