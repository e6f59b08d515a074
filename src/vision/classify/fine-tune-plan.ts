import type { ViewRange } from '../image/augment.ts';
import { batch, type Setting } from './learn-whole.ts';

/** How long networks learn, and which settings are tried. */
export interface FineTunePlan {
  readonly settings: readonly Setting[];
  /** Steps of one network. */
  readonly steps: number;
  /** Steps after which the pictures that decide are looked at, rising; the last one is the last step. */
  readonly looks: readonly number[];
}

const wide: ViewRange = {
  zoom: [0.5, 1.1],
  stretch: 1.2,
  shift: 0.15,
  mirror: true,
  brightness: 0.15,
  contrast: 0.35,
  saturation: 0.4,
  hue: 0.02,
};
const wider: ViewRange = {
  ...wide,
  zoom: [0.4, 1.1],
  stretch: 1.3,
  shift: 0.2,
  brightness: 0.2,
  contrast: 0.45,
  saturation: 0.5,
  hue: 0.03,
};

/** What is tried, the most careful first. */
export const settings: readonly Setting[] = [
  { name: 'careful', still: 8, rates: { head: 1e-4, backbone: 4e-4 }, views: wide },
  { name: 'usual', still: 4, rates: { head: 2e-4, backbone: 1e-3 }, views: wide },
  { name: 'bold', still: 4, rates: { head: 2e-4, backbone: 1.5e-3 }, views: wider },
];

/** Folds, each of which is held out from one network. */
const folds = 5;
/** The part of the budget that steps are planned for. */
const planned = 0.8;
/** Pictures of 160 x 160 pixels learned from in a second, as it is assumed; never measured, so that plans are alike. */
const nominal = 60;
/** Fewer pictures a label than this teach a network little that the head does not know. */
const few = 15;
/** How often each picture is learned from, at most: between these, the less the more pictures there are. */
const [fewestRounds, mostRounds, views] = [8, 16, 7200];

/**
 * The plan for so many pictures and labels within a budget of time. A function of these alone: it assumes a speed and
 * does not measure one. Of fewer than fifteen pictures a label one setting is tried, briefly.
 */
export function fineTunePlan({
  pictures,
  classes,
  size,
  hours,
}: {
  readonly pictures: number;
  readonly classes: number;
  /** Pixels in width and height. */
  readonly size: number;
  readonly hours: number;
}): FineTunePlan {
  const scarce = pictures < few * classes;
  const tried = scarce ? settings.slice(0, 1) : settings;
  const rounds = scarce ? 2 : Math.min(mostRounds, Math.max(fewestRounds, views / pictures));
  const affordable = (planned * hours * 3600 * nominal * (160 / size) ** 2) / (tried.length + folds);
  const steps = Math.max(1, Math.floor(Math.min(rounds * pictures, affordable) / batch));
  return { settings: tried, steps, looks: looksAt(steps) };
}

/** After a quarter of the steps, half, three quarters, and all. */
const looksAt = (steps: number): number[] => [
  ...new Set([0.25, 0.5, 0.75, 1].map((part) => Math.max(1, Math.round(part * steps)))),
];
