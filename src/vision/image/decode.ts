import sharp, { type ResizeOptions, type Sharp, type SharpOptions } from 'sharp';
import { AppError } from '../../base/errors.ts';
import { limiter } from '../../base/limiter.ts';
import { readBmpHeader, readBmpPixels } from './bmp.ts';
import { jpegSize } from './jpeg-size.ts';
import { describeBytes, type ImageFormat, sniff } from './sniff.ts';

/** How large a picture may be. */
export interface PictureLimits {
  /** Pixels in all. */
  readonly maxPixels: number;
  /** Pixels of the longer side. */
  readonly maxSide: number;
}

/** What a picture is; its size in pixels as a person sees it, turned upright by EXIF. */
export interface Picture {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
}

/** A picture made ready to be kept. */
export interface PreparedPicture extends Picture {
  /** See {@link thumbnail}. */
  readonly thumbnail: Buffer;
}

const thumbnailSide = 256;
/** For callers that give no limits: the picture has passed {@link inspect} before. */
const generous: PictureLimits = { maxPixels: 2 ** 28, maxSide: 2 ** 16 };

/** Pictures of more pixels are decoded one at a time: one can take eight bytes a pixel, nearly a gigabyte, for a moment. */
const manyPixels = 2 ** 25;
const oneAtATime = limiter(1);

// One thread per picture: several pictures are decoded side by side, and compute threads have the cores to themselves.
sharp.concurrency(1);
// A cache would keep users' pictures in memory.
sharp.cache(false);
// Whatever a file claims to be, only these readers may run: no SVG, PDF or font ever reaches libvips.
sharp.block({ operation: ['VipsForeignLoad'] });
const readers = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Tiff'];
sharp.unblock({ operation: readers.map((reader) => `VipsForeignLoad${reader}`) });

/**
 * What a picture is, after decoding all of it: so a file that passes is whole. Of an animation the first frame counts.
 * @throws AppError `BadRequestImageFormat` when it is no picture, of no format read here, or damaged or cut off;
 * `BadRequestImageDimensions` when it is larger than `limits`, before memory is taken for it.
 */
export async function inspect(bytes: Uint8Array, limits: PictureLimits): Promise<Picture> {
  const opened = await open(bytes, limits);
  await decode(opened, (image) => image.resize(shrunk).raw());
  return opened.picture;
}

/** {@link inspect} and {@link thumbnail} with one decoding for both. @throws as inspect. */
export async function prepare(bytes: Uint8Array, limits: PictureLimits): Promise<PreparedPicture> {
  const opened = await open(bytes, limits);
  const thumbnail = await decode(opened, (image) => image.resize(shrunk).flatten(white).jpeg({ quality: 80 }));
  return { ...opened.picture, thumbnail };
}

/** A JPEG of at most 256 px on the longer side (smaller pictures keep their size), upright, without metadata, on white. @throws as {@link inspect}. */
export async function thumbnail(bytes: Uint8Array): Promise<Buffer> {
  return (await prepare(bytes, generous)).thumbnail;
}

/**
 * The picture squashed to a square: RGB8 [size, size, 3], upright, in sRGB, transparent parts over white, interpolated
 * linearly (which programs that use an exported model find at hand). The only way pictures reach a model, in training
 * as in prediction, so both see the same pixels. @throws as {@link inspect}.
 */
export async function pixels(bytes: Uint8Array, size: number, limits: PictureLimits = generous): Promise<Uint8Array> {
  return decode(await openAnyWay(bytes, limits), (image) =>
    image.resize(size, size, { fit: 'fill', kernel: 'linear' }).flatten(white).toColourspace('srgb').raw(),
  );
}

const white = { background: '#ffffff' };
const shrunk: ResizeOptions = {
  width: thumbnailSide,
  height: thumbnailSide,
  fit: 'inside',
  withoutEnlargement: true,
};

/** A picture whose header is read and within limits, not decoded yet: `image` begins it. */
interface Opened {
  readonly picture: Picture;
  readonly image: () => Sharp | Promise<Sharp>;
}

const reading: SharpOptions = {
  failOn: 'truncated',
  limitInputPixels: false,
  autoOrient: true,
  animated: false,
  pages: 1,
};

/** Like {@link open}, but the size may be that before orientation: of a JPEG, it is read without opening the file twice. */
async function openAnyWay(bytes: Uint8Array, limits: PictureLimits): Promise<Opened> {
  const stored = sniff(bytes) === 'jpeg' ? jpegSize(bytes) : undefined;
  if (stored === undefined) return open(bytes, limits);
  return { picture: within(limits, { format: 'jpeg', ...stored }), image: () => sharp(bytes, reading) };
}

async function open(bytes: Uint8Array, limits: PictureLimits): Promise<Opened> {
  const format = sniff(bytes);
  if (format === undefined)
    throw new AppError(
      'BadRequestImageFormat',
      `expected a JPEG, PNG, GIF, BMP, WebP or TIFF picture but received ${describeBytes(bytes)}`,
    );
  if (format === 'bmp') {
    const header = readBmpHeader(bytes);
    const picture = within(limits, { format, width: header.width, height: header.height });
    return {
      picture,
      image: async () =>
        sharp(await readBmpPixels(bytes, header), {
          raw: { width: header.width, height: header.height, channels: 4 },
        }),
    };
  }
  const image = sharp(bytes, reading);
  const { width, height } = (await decoded({ format }, () => image.metadata())).autoOrient;
  return { picture: within(limits, { format, width, height }), image: () => image };
}

function within(limits: PictureLimits, picture: Picture): Picture {
  const { width, height } = picture;
  if (Math.max(width, height) > limits.maxSide || width * height > limits.maxPixels)
    throw new AppError(
      'BadRequestImageDimensions',
      `expected a picture of at most ${limits.maxSide} pixels a side and ${limits.maxPixels} in all but received ${width} x ${height}`,
    );
  return picture;
}

/** Decodes a picture into what `step` makes of it. */
function decode({ picture, image }: Opened, step: (image: Sharp) => Sharp): Promise<Buffer> {
  const work = () => decoded(picture, async () => step(await image()).toBuffer());
  return picture.width * picture.height > manyPixels ? oneAtATime(work) : work();
}

/** Runs a decoding step; what libvips says of a bad file becomes our refusal. */
async function decoded<T>({ format }: Pick<Picture, 'format'>, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    throw new AppError(
      'BadRequestImageFormat',
      `expected a whole ${format.toUpperCase()} picture but received one that is damaged or cut off`,
      cause,
    );
  }
}
