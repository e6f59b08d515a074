import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readJson, readPictures } from './uploads.ts';

/** Bytes that begin like the delimiter of boundary `b`, a line break or a header, and do not end in text. */
const picture = Buffer.from([0xff, 0xd8, 13, 10, 45, 45, 0x62, 0x78, 13, 10, 13, 10, 0, 0xff, 10]);

/** A multipart body: each part its header lines and its bytes. */
const multipart = (
  boundary: string,
  parts: readonly (readonly [headers: string, bytes: Buffer])[],
  newline = '\r\n',
): Buffer =>
  Buffer.concat([
    ...parts.flatMap(([headers, bytes]) => [
      Buffer.from(`--${boundary}${newline}${headers}${headers === '' ? '' : newline}${newline}`),
      bytes,
      Buffer.from(newline),
    ]),
    Buffer.from(`--${boundary}--${newline}`),
  ]);

const code = (wanted: string, message: RegExp) => (error: unknown) => {
  assert.equal((error as { code: string }).code, wanted);
  assert.match((error as Error).message, message);
  return true;
};

test('what real clients send as multipart', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    [
      'JavaScript: no file name',
      'Content-Disposition: form-data; name="imageData"\r\nContent-Type: application/octet-stream',
      '',
    ],
    [
      '.NET: name unquoted, file name with folders',
      'Content-Type: application/octet-stream\r\nContent-Disposition: form-data; name=imageData; filename="C:\\pictures\\leaf 1.jpg"',
      'leaf 1.jpg',
    ],
    [
      'Python',
      'Content-Disposition: form-data; name="imageData"; filename="imageData"\r\nContent-Type: application/octet-stream',
      'imageData',
    ],
    [
      'curl -F with another name',
      'Content-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png',
      'a.png',
    ],
    ['lower-case headers, unquoted file name', 'content-disposition: form-data; name=x; filename=/tmp/b.jpg', 'b.jpg'],
    ['no headers at all', '', ''],
  ];
  for (const [what, headers, name] of cases) {
    const body = multipart('b', [[headers, picture]]);
    const [file, ...more] = readPictures(body, 'multipart/form-data; boundary=b', 1);
    assert.deepEqual(file, { name, bytes: picture }, what);
    assert.equal(more.length, 0, what);
  }
});

test('boundaries: quoted, missing from the header, and line breaks of one character', () => {
  const headers = 'Content-Disposition: form-data; name="imageData"; filename="a.jpg"';
  const wanted = [{ name: 'a.jpg', bytes: picture }];
  assert.deepEqual(
    readPictures(multipart('--=a b', [[headers, picture]]), 'Multipart/Form-Data; charset=x; boundary="--=a b"', 1),
    wanted,
  );
  assert.deepEqual(readPictures(multipart('xyz', [[headers, picture]]), 'multipart/form-data', 1), wanted);
  assert.deepEqual(
    readPictures(multipart('xyz', [[headers, picture]], '\n'), 'multipart/form-data; boundary=xyz', 1),
    wanted,
  );
  const preamble = Buffer.concat([
    Buffer.from('read me\r\n'),
    multipart('xyz', [[headers, picture]]),
    Buffer.from('the end'),
  ]);
  assert.deepEqual(readPictures(preamble, 'multipart/form-data; boundary=xyz', 1), wanted);
});

test('plain bytes are one picture, whatever the media type claims', () => {
  for (const type of [
    'application/octet-stream',
    'image/jpeg',
    'multipart/form-data',
    'multipart/form-data; boundary=b',
    undefined,
  ])
    assert.deepEqual(readPictures(picture, type, 1), [{ name: '', bytes: picture }]);
});

test('several pictures, other fields left aside', () => {
  const part = (name: string, file = '') =>
    `Content-Disposition: form-data; name="${name}"${file && `; filename="${file}"`}`;
  const text = Buffer.from('x');
  const body = multipart('b', [
    [part('imageData', '1.jpg'), picture],
    [part('comment'), text],
    [part('IMAGEDATA'), picture],
    [part('more', '2.jpg'), text],
  ]);
  assert.deepEqual(
    readPictures(body, 'multipart/form-data; boundary=b', 64).map(({ name, bytes }) => [name, bytes.length]),
    [
      ['1.jpg', picture.length],
      ['', picture.length],
      ['2.jpg', 1],
    ],
  );
  assert.throws(
    () => readPictures(body, 'multipart/form-data; boundary=b', 1),
    code('BadRequestImageStream', /at most 1 image .* received 3/),
  );
  const many = multipart('b', Array(65).fill([part('imageData', 'a.jpg'), picture]));
  assert.throws(
    () => readPictures(many, 'multipart/form-data; boundary=b', 64),
    code('BadRequestExceededBatchSize', /at most 64 images .* received 65/),
  );
});

test('no picture, or half of one, is refused', () => {
  const headers = 'Content-Disposition: form-data; name="imageData"; filename="a.jpg"';
  assert.throws(
    () => readPictures(Buffer.alloc(0), undefined, 1),
    code('BadRequestImageStream', /bytes of an image for imageData/),
  );
  assert.throws(
    () => readPictures(multipart('b', [[headers, Buffer.alloc(0)]]), 'multipart/form-data; boundary=b', 1),
    code('BadRequestImageStream', /bytes of an image/),
  );
  assert.throws(
    () => readPictures(multipart('b', []), 'multipart/form-data; boundary=b', 1),
    code('BadRequestImageStream', /bytes of an image/),
  );
  const cut = multipart('b', [[headers, picture]]).subarray(0, -10);
  assert.throws(
    () => readPictures(cut, 'multipart/form-data; boundary=b', 1),
    code('BadRequestImageStream', /closing boundary/),
  );
});

test('JSON: empty is absent, a mark at the start and a wrong media type do no harm', () => {
  assert.equal(readJson(undefined, 'application/json'), undefined);
  assert.equal(readJson(Buffer.alloc(0), 'application/json'), undefined);
  assert.equal(readJson(Buffer.from(' \r\n'), 'application/json'), undefined);
  assert.deepEqual(readJson(Buffer.from('\ufeff{"a":"é"}'), 'application/json; charset=utf-8'), { a: 'é' });
  assert.deepEqual(readJson(Buffer.from('{"a":1}'), 'application/x-www-form-urlencoded'), { a: 1 });
  assert.throws(
    () => readJson(Buffer.from('{"secret"'), 'application/json'),
    (error) => code('BadRequest', /^Expected JSON/)(error) && !/secret/.test((error as Error).message),
  );
  assert.throws(
    () => readJson(Buffer.from('<a/>'), 'application/xml'),
    code('UnsupportedMediaType', /application\/json for Content-Type/),
  );
});

test('a body full of boundaries or of values is refused before it is taken apart', () => {
  const mebibytes = 4;
  const full = (piece: string, end = '') => Buffer.concat([Buffer.alloc(mebibytes * 2 ** 20, piece), Buffer.from(end)]);
  for (const piece of ['--b\n', '--b\n\nx\n', '\n--bb'])
    assert.throws(
      () => readPictures(full(piece, '\n--b--'), 'multipart/form-data; boundary=b', 64),
      code('BadRequestImageStream', /at most 20000 boundaries/),
      piece,
    );
  for (const piece of ['{},', '[', '{"a":', '1,'])
    assert.throws(() => readJson(full(piece), 'application/json'), code('BadRequest', /at most 250000 values/), piece);
  const picture = 'A'.repeat(2 ** 20);
  const regions = Array.from({ length: 300 }, () => ({ tagId: 'x', left: 0, top: 0, width: 1, height: 1 }));
  const images = Array.from({ length: 64 }, () => ({ contents: '', name: 'a', tagIds: ['x'], regions }));
  images[0]!.contents = picture;
  assert.deepEqual(readJson(Buffer.from(JSON.stringify({ images })), undefined), { images });
});
