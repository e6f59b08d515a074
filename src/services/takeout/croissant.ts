import { csvColumns } from './annotations.ts';

/** What Croissant says of a project. */
export interface CroissantFacts {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly creator: string;
  readonly modified: string;
  /** SHA-256 of `images.csv`, in hexadecimal. */
  readonly csvDigest: string;
  readonly csvBytes: number;
}

const terms = [
  'citeAs column extract field fileProperty fileObject fileSet format includes isLiveDataset jsonPath key md5',
  'parentField path recordSet references regex repeated replace samplingRate separator source subField transform',
].flatMap((line) => line.split(' '));

const context = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  sc: 'https://schema.org/',
  cr: 'http://mlcommons.org/croissant/',
  dct: 'http://purl.org/dc/terms/',
  rai: 'http://mlcommons.org/croissant/RAI/',
  conformsTo: 'dct:conformsTo',
  data: { '@id': 'cr:data', '@type': '@json' },
  dataType: { '@id': 'cr:dataType', '@type': '@vocab' },
  examples: { '@id': 'cr:examples', '@type': '@json' },
  ...Object.fromEntries(terms.map((term) => [term, `cr:${term}`])),
};

const described: Readonly<Record<string, readonly [type: string, description: string]>> = {
  image_id: ['sc:Text', 'The id of the picture.'],
  file: ['sc:Text', 'The file of the picture.'],
  width: ['sc:Integer', 'Pixels from left to right.'],
  height: ['sc:Integer', 'Pixels from top to bottom.'],
  created: ['sc:DateTime', 'When the picture was uploaded.'],
  tag: ['sc:Text', 'Its first tag; empty when it has none.'],
  tags: ['sc:Text', 'All its tags, as JSON.'],
  regions: ['sc:Text', 'Its tagged rectangles in parts of width and height, as JSON.'],
  metadata: ['sc:Text', 'Its metadata, as JSON.'],
};

/**
 * A project's pictures as a Croissant 1.1 dataset (mlcommons.org/croissant/1.1), in JSON-LD: a record a picture, with
 * its pixels.
 */
export function croissant({ id, name, description, creator, modified, csvDigest, csvBytes }: CroissantFacts): unknown {
  const field = (column: string) => ({
    '@type': 'cr:Field',
    '@id': `pictures/${column}`,
    name: column,
    description: described[column]![1],
    dataType: described[column]![0],
    source: { fileObject: { '@id': 'images.csv' }, extract: { column } },
  });
  const content = {
    '@type': 'cr:Field',
    '@id': 'pictures/content',
    name: 'content',
    description: 'The picture itself.',
    dataType: 'sc:ImageObject',
    source: { fileSet: { '@id': 'image-files' }, extract: { fileProperty: 'content' } },
  };
  const [key, ...others] = csvColumns.map(field);
  const linked = {
    ...key,
    references: {
      fileSet: { '@id': 'image-files' },
      extract: { fileProperty: 'filename' },
      transform: { regex: '^([0-9a-f-]{36})\\.' },
    },
  };
  return {
    '@context': context,
    '@type': 'sc:Dataset',
    conformsTo: 'http://mlcommons.org/croissant/1.1',
    name,
    description: description || name,
    url: `urn:uuid:${id}`,
    license: 'All rights are with the owner of the account.',
    creator: { '@type': 'Person', name: creator },
    datePublished: modified,
    version: '1.0.0',
    distribution: [
      {
        '@type': 'cr:FileObject',
        '@id': 'images.csv',
        name: 'images.csv',
        description: 'A line for each picture.',
        contentUrl: 'images.csv',
        contentSize: `${csvBytes} B`,
        encodingFormat: 'text/csv',
        sha256: csvDigest,
      },
      {
        '@type': 'cr:FileSet',
        '@id': 'image-files',
        name: 'image-files',
        description: 'The pictures as they were given.',
        encodingFormat: ['image/jpeg', 'image/png', 'image/gif', 'image/bmp', 'image/webp', 'image/tiff'],
        includes: 'images/*',
      },
    ],
    recordSet: [
      {
        '@type': 'cr:RecordSet',
        '@id': 'pictures',
        name: 'pictures',
        description: 'One record a picture.',
        key: { '@id': 'pictures/image_id' },
        field: [linked, ...others, content],
      },
    ],
  };
}
