import type { Random } from '../../base/random.ts';

/** How a picture is looked at: which part of it, turned over or not, and in which light. */
export interface View {
  /** The part of the picture that is shown, in parts of its width and height; it may reach beyond the picture. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Left and right exchanged. */
  readonly mirrored: boolean;
  /** What becomes of red, green and blue, 0..255. */
  readonly colour: readonly Mix[];
}

/** A row of a matrix for red, green and blue, and what is added. */
type Mix = readonly [red: number, green: number, blue: number, added: number];

/** How far views may differ from the picture. */
export interface ViewRange {
  /** The part shown is so many times as wide and high as the picture: lowest and highest. */
  readonly zoom: readonly [number, number];
  /** Width against height, and height against width, by up to this factor. */
  readonly stretch: number;
  /** Sideways, up and down: by so much of the picture. */
  readonly shift: number;
  readonly mirror: boolean;
  /** Parts of full light, factors around 1, part of a turn of the colour circle. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
}

const same = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
] as const;

/** The picture as it is. */
export const plainView: View = { left: 0, top: 0, width: 1, height: 1, mirrored: false, colour: same };

/** A view drawn at random: zoom evenly in its logarithm, all else evenly. */
export function randomView(range: ViewRange, random: Random): View {
  const between = (low: number, high: number): number => Math.exp(random.uniform(Math.log(low), Math.log(high)));
  const zoom = between(...range.zoom);
  const [width, height] = [
    zoom * between(1 / range.stretch, range.stretch),
    zoom * between(1 / range.stretch, range.stretch),
  ];
  const [x, y] = [0.5 + random.uniform(-range.shift, range.shift), 0.5 + random.uniform(-range.shift, range.shift)];
  return {
    left: x - width / 2,
    top: y - height / 2,
    width,
    height,
    mirrored: range.mirror && random.uniform() < 0.5,
    colour: light(
      255 * random.uniform(-range.brightness, range.brightness),
      1 + random.uniform(-range.contrast, range.contrast),
      1 + random.uniform(-range.saturation, range.saturation),
      2 * Math.PI * random.uniform(-range.hue, range.hue),
    ),
  };
}

/**
 * Brightness, contrast around middle grey, saturation around the grey of equal light, and a turn of the colours around
 * it (in YIQ, the NTSC colour space), as one affine map.
 */
function light(brightness: number, contrast: number, saturation: number, hue: number): View['colour'] {
  const grey = [0.299, 0.587, 0.114] as const;
  const toYiq = [grey, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]] as const;
  const toRgb = [
    [1, 0.956, 0.621],
    [1, -0.272, -0.647],
    [1, -1.106, 1.703],
  ] as const;
  const [cos, sin] = [Math.cos(hue), Math.sin(hue)];
  return toRgb.map(([y, i, q]) => {
    const row = [0, 1, 2].map((c) => {
      const [own, other] = [toYiq[1][c]!, toYiq[2][c]!];
      const turned = i * (cos * own - sin * other) + q * (sin * own + cos * other);
      return contrast * (y * grey[c]! + saturation * turned);
    });
    return [row[0]!, row[1]!, row[2]!, 127.5 * (1 - contrast) + brightness] as const;
  });
}

/** The colour of what lies beyond a picture. */
const beyond = 127.5;

/**
 * A view of a picture `from` x `from` pixels (RGB, rows from the top) as `to` x `to` numbers pixel / 127.5 - 1: float32
 * [3, to, to], written to `into` from `at` on. Between pixels it is linear; a part smaller than the result is not
 * smoothed first.
 */
export function drawView(
  picture: Uint8Array,
  from: number,
  view: View,
  to: number,
  into: Float32Array,
  at: number,
): void {
  const plane = to * to;
  const [[rr, rg, rb, r1], [gr, gg, gb, g1], [br, bg, bb, b1]] = view.colour as readonly [Mix, Mix, Mix];
  const columns = axis(view.left, view.width, from, to, view.mirrored);
  const rows = axis(view.top, view.height, from, to, false);
  // No arrays inside: a training step does this for a million places.
  for (let y = 0; y < to; y++) {
    const upper = 3 * from * rows.first[y]!;
    const lower = 3 * from * rows.second[y]!;
    const down = rows.part[y]!;
    const inside = rows.outside[y] === 0;
    for (let x = 0; x < to; x++) {
      const out = at + y * to + x;
      let red = beyond;
      let green = beyond;
      let blue = beyond;
      if (inside && columns.outside[x] === 0) {
        const left = 3 * columns.first[x]!;
        const right = 3 * columns.second[x]!;
        const part = columns.part[x]!;
        const wa = (1 - down) * (1 - part);
        const wb = (1 - down) * part;
        const wc = down * (1 - part);
        const wd = down * part;
        const a = upper + left;
        const b = upper + right;
        const c = lower + left;
        const d = lower + right;
        red = picture[a]! * wa + picture[b]! * wb + picture[c]! * wc + picture[d]! * wd;
        green = picture[a + 1]! * wa + picture[b + 1]! * wb + picture[c + 1]! * wc + picture[d + 1]! * wd;
        blue = picture[a + 2]! * wa + picture[b + 2]! * wb + picture[c + 2]! * wc + picture[d + 2]! * wd;
      }
      into[out] = scaled(rr * red + rg * green + rb * blue + r1);
      into[out + plane] = scaled(gr * red + gg * green + gb * blue + g1);
      into[out + 2 * plane] = scaled(br * red + bg * green + bb * blue + b1);
    }
  }
}

const scaled = (value: number): number => (value < 0 ? -1 : value > 255 ? 1 : value / 127.5 - 1);

/** For each place along one side of the result: the two pixels it lies between, and how far from the first. */
function axis(start: number, length: number, from: number, to: number, mirrored: boolean) {
  const [first, second] = [new Int32Array(to), new Int32Array(to)];
  const [part, outside] = [new Float32Array(to), new Uint8Array(to)];
  for (let i = 0; i < to; i++) {
    const place = ((mirrored ? to - 1 - i : i) + 0.5) / to;
    const pixel = (start + place * length) * from - 0.5;
    outside[i] = pixel < -0.5 || pixel > from - 0.5 ? 1 : 0;
    const low = Math.floor(pixel);
    first[i] = Math.min(from - 1, Math.max(0, low));
    second[i] = Math.min(from - 1, Math.max(0, low + 1));
    part[i] = pixel - low;
  }
  return { first, second, part, outside };
}
