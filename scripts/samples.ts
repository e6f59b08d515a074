import sharp from 'sharp';

/** A picture with what it shows. */
export interface SamplePicture {
  /** `Apple`, `Leaf` or `Mug`. */
  readonly tag: string;
  /** A file name, such as `apple-01.jpg`. */
  readonly name: string;
  /** JPEG, 320 x 240 px. */
  readonly bytes: Buffer;
}

/** A number in `from`..`to`, or 0..1. */
export type Random = (from?: number, to?: number) => number;

const width = 320;
const height = 240;

/** Each class draws itself around (0, 0), about 100 px wide. */
const drawings: Readonly<Record<string, (random: Random) => string>> = { Apple: apple, Leaf: leaf, Mug: mug };

/**
 * Drawn pictures of three things, `perClass` each, class by class: varied in place, size, angle, colour, background,
 * clutter, light and noise. The same seed gives the same bytes, and the first n of a class do not depend on `perClass`.
 */
export async function samplePictures(
  options: { readonly seed?: number; readonly perClass?: number } = {},
): Promise<SamplePicture[]> {
  const { seed = 1, perClass = 20 } = options;
  // The server's decoder forbids SVG to the process it runs in, rightly: these are our own.
  sharp.unblock({ operation: ['VipsForeignLoadSvgBuffer'] });
  const pictures: SamplePicture[] = [];
  for (const [index, [tag, draw]] of Object.entries(drawings).entries())
    for (let n = 0; n < perClass; n++) {
      const name = `${tag.toLowerCase()}-${String(n + 1).padStart(2, '0')}.jpg`;
      pictures.push({ tag, name, bytes: await picture(draw, generator((seed * 31 + index) * 1009 + n)) });
    }
  return pictures;
}

async function picture(draw: (random: Random) => string, random: Random): Promise<Buffer> {
  const size = random(0.9, 1.7);
  const margin = 52 * size;
  const place = `translate(${random(margin, width - margin)} ${random(margin * 0.9, height - margin * 0.9)}) rotate(${random(-25, 25)}) scale(${size})`;
  const shadow = `<ellipse cx="${random(-8, 14)}" cy="${random(40, 50)}" rx="52" ry="12" fill="#000" opacity="${random(0.1, 0.3)}"/>`;
  const light = `<rect width="${width}" height="${height}" fill="${random() < 0.5 ? '#fff3d0' : '#203050'}" opacity="${random(0, 0.22)}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${background(random)}<g transform="${place}">${shadow}${draw(random)}</g>${light}</svg>`;
  const pixels = await sharp(Buffer.from(svg)).removeAlpha().blur(random(0.4, 1.1)).raw().toBuffer();
  const grain = random(3, 14);
  // The sum of three uniform numbers is close enough to a bell curve.
  for (let at = 0; at < pixels.length; at++)
    pixels[at] = Math.min(255, Math.max(0, pixels[at]! + (random() + random() + random() - 1.5) * 2 * grain));
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 88 })
    .toBuffer();
}

/** A wall and a table in two colours, with a few things of no interest on them. */
function background(random: Random): string {
  const hue = random(0, 360);
  const wall = `<rect width="${width}" height="${height}" fill="${colour(hue, random(5, 40), random(60, 92))}"/>`;
  const edge = random(height * 0.3, height * 0.75);
  const table = `<polygon points="0,${edge} ${width},${edge + random(-20, 20)} ${width},${height} 0,${height}" fill="${colour(hue + random(20, 180), random(10, 45), random(35, 80))}"/>`;
  const clutter = Array.from({ length: Math.floor(random(2, 8)) }, () => {
    const fill = `fill="${colour(random(0, 360), random(10, 60), random(40, 80))}" opacity="${random(0.25, 0.6)}"`;
    const [x, y] = [random(0, width), random(0, height)];
    return random() < 0.5
      ? `<circle cx="${x}" cy="${y}" r="${random(4, 22)}" ${fill}/>`
      : `<rect x="${x}" y="${y}" width="${random(8, 60)}" height="${random(6, 40)}" rx="3" transform="rotate(${random(-40, 40)} ${x} ${y})" ${fill}/>`;
  });
  return wall + table + clutter.join('');
}

function apple(random: Random): string {
  const hue = random() < 0.7 ? random(-8, 14) : random(65, 100);
  const body =
    'M0,-22 C-14,-36 -46,-32 -48,2 C-50,32 -24,52 -10,47 C-4,45 4,45 10,47 C24,52 50,32 48,2 C46,-32 14,-36 0,-22 Z';
  return `<defs><radialGradient id="skin" cx="0.35" cy="0.3" r="0.85"><stop offset="0" stop-color="${colour(hue + 12, 80, 66)}"/><stop offset="0.55" stop-color="${colour(hue, 78, 45)}"/><stop offset="1" stop-color="${colour(hue - 6, 80, 27)}"/></radialGradient></defs>
    <path d="${body}" fill="url(#skin)"/><ellipse cx="0" cy="-22" rx="12" ry="4.5" fill="${colour(hue, 70, 22)}"/>
    <path d="M0,-21 C-1,-32 2,-40 ${random(4, 10)},-47" stroke="#5a3a1c" stroke-width="4.5" fill="none" stroke-linecap="round"/>
    ${random() < 0.75 ? `<path d="M4,-36 C14,-52 32,-50 38,-42 C28,-32 14,-30 4,-36 Z" fill="${colour(random(95, 135), 50, 36)}"/>` : ''}
    <ellipse cx="-22" cy="-8" rx="7" ry="12" transform="rotate(25 -22 -8)" fill="#fff" opacity="${random(0.25, 0.6)}"/>`;
}

function leaf(random: Random): string {
  const autumn = random() < 0.4;
  const hue = autumn ? random(22, 52) : random(80, 140);
  const fat = random(24, 38);
  const vein = `stroke="${colour(hue - 6, 45, autumn ? 28 : 22)}" fill="none" stroke-linecap="round"`;
  const sides = [-30, -16, -2, 12, 26]
    .map((y) => {
      const reach = fat * 0.78 * Math.sqrt(Math.max(0.1, 1 - ((y - 2) / 50) ** 2));
      return `<path d="M0,${y + 10} Q${reach * 0.5},${y + 2} ${reach},${y - 7} M0,${y + 10} Q${-reach * 0.5},${y + 2} ${-reach},${y - 7}" stroke-width="1.6" ${vein}/>`;
    })
    .join('');
  return `<defs><linearGradient id="blade" x1="0" y1="0" x2="1" y2="0.4"><stop offset="0" stop-color="${colour(hue + 8, 58, 52)}"/><stop offset="0.5" stop-color="${colour(hue, 60, 42)}"/><stop offset="1" stop-color="${colour(hue - 8, 60, 32)}"/></linearGradient></defs>
    <g transform="rotate(${random(20, 60)})"><path d="M0,-54 C${fat},-38 ${fat * 1.5},12 0,48 C${-fat * 1.5},12 ${-fat},-38 0,-54 Z" fill="url(#blade)"/>
    <path d="M0,-50 L0,48 Q${random(-5, 5)},60 ${random(-10, 10)},68" stroke-width="3" ${vein}/>${sides}</g>`;
}

function mug(random: Random): string {
  const hue = random(0, 360);
  const saturation = random(15, 75);
  const light = random(40, 72);
  const side = random() < 0.5 ? 1 : -1;
  const stripe = `<path d="M-33,${random(-10, 6)} q33,10 66,0 v${random(6, 18)} q-33,10 -66,0 Z" fill="${colour(hue + 150, 50, 80)}" opacity="0.85"/>`;
  return `<defs><linearGradient id="glaze"><stop offset="0" stop-color="${colour(hue, saturation, light - 14)}"/><stop offset="0.3" stop-color="${colour(hue, saturation, light + 14)}"/><stop offset="1" stop-color="${colour(hue, saturation, light - 22)}"/></linearGradient></defs>
    <g transform="scale(${side} 1)"><path d="M30,-18 C62,-24 62,30 28,26" stroke="${colour(hue, saturation, light - 16)}" stroke-width="9.5" fill="none"/></g>
    <path d="M-34,-36 L-31,38 Q0,54 31,38 L34,-36 Z" fill="url(#glaze)"/>${random() < 0.5 ? stripe : ''}
    <ellipse cx="0" cy="-36" rx="34" ry="11" fill="${colour(hue, saturation, light + 16)}"/><ellipse cx="0" cy="-35" rx="29" ry="8" fill="${random() < 0.7 ? colour(25, 60, 18) : colour(hue, 20, 30)}"/>`;
}

const colour = (hue: number, saturation: number, lightness: number): string =>
  `hsl(${Math.round((hue + 360) % 360)},${Math.round(saturation)}%,${Math.round(lightness)}%)`;

/** Numbers that look like chance and are the same for the same seed. Source: "mulberry32", public domain. */
export function generator(seed: number): Random {
  let state = seed >>> 0;
  return (from = 0, to = 1) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return from + ((to - from) * ((mixed ^ (mixed >>> 14)) >>> 0)) / 2 ** 32;
  };
}
