/** What an account may have; `Infinity`: as much as the disk holds. */
export interface Quotas {
  readonly projects: number;
  readonly imagesPerProject: number;
  readonly tagsPerProject: number;
  readonly iterationsPerProject: number;
  /** Of an image in a project that takes several. */
  readonly tagsPerImage: number;
  readonly regionsPerImage: number;
  /** Answers of the prediction API in a calendar month, UTC. */
  readonly predictionsPerMonth: number;
  /** Calls in a second, by kind. */
  readonly rates: Readonly<Record<CallKind, number>>;
}

/** Calls that are counted apart; what is kept of a prediction makes the difference, not which address was asked. */
export type CallKind = 'storing prediction' | 'prediction' | 'training' | 'other';

const none = Number.POSITIVE_INFINITY;

/**
 * The pricing tiers an account can be held to: Azure's free and standard one, and none. Source: Azure's "limits and
 * quotas" page, 2025-01-22.
 */
export const tiers = {
  F0: {
    projects: 2,
    imagesPerProject: 5_000,
    tagsPerProject: 50,
    iterationsPerProject: 20,
    tagsPerImage: 100,
    regionsPerImage: 300,
    predictionsPerMonth: 10_000,
    rates: { 'storing prediction': 2, prediction: 2, training: 2, other: 10 },
  },
  S0: {
    projects: 100,
    imagesPerProject: 100_000,
    tagsPerProject: 500,
    iterationsPerProject: 20,
    tagsPerImage: 100,
    regionsPerImage: 300,
    predictionsPerMonth: none,
    rates: { 'storing prediction': 10, prediction: 20, training: 10, other: 10 },
  },
  Unlimited: {
    projects: none,
    imagesPerProject: none,
    tagsPerProject: none,
    iterationsPerProject: none,
    tagsPerImage: none,
    regionsPerImage: none,
    predictionsPerMonth: none,
    rates: { 'storing prediction': none, prediction: none, training: none, other: none },
  },
} as const satisfies Record<string, Quotas>;

/** The name of one of {@link tiers}. */
export type Tier = keyof typeof tiers;
/** Their names, the strictest first. */
export const tierNames = ['F0', 'S0', 'Unlimited'] as const satisfies readonly Tier[];
