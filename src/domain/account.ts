import type { Micros } from '../base/clock.ts';
import type { Role } from './role.ts';
import type { Tier } from './tier.ts';

/** What a key may be used for: `training` manages projects, `prediction` only predicts. */
export type KeyPurpose = 'training' | 'prediction';
/** Two keys a purpose, so that one can be rotated while the other works. */
export type KeySlot = 'primary' | 'secondary';

/** An account: owner of projects. */
export interface Account {
  readonly id: string;
  readonly userName: string;
  readonly email: string | null;
  readonly tier: Tier;
  readonly created: Micros;
}

/** The four keys of an account, in the clear: for its owner's eyes only. */
export type AccountKeys = Readonly<Record<KeyPurpose, Readonly<Record<KeySlot, string>>>>;

/** The two purposes and the two slots of each. */
export const keyWords = {
  purpose: ['training', 'prediction'],
  slot: ['primary', 'secondary'],
} as const satisfies { readonly purpose: readonly KeyPurpose[]; readonly slot: readonly KeySlot[] };

/** What is known of one of an account's keys. */
export interface HeldKey {
  readonly purpose: KeyPurpose;
  readonly slot: KeySlot;
  readonly created: Micros;
  /** Only where it was asked for. */
  readonly secret?: string;
}

/** A further key of an account. */
export interface NamedKey {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly created: Micros;
  /** From then on it opens nothing; `null`: until it is revoked. */
  readonly expires: Micros | null;
  /** Only where it was asked for, or is new. */
  readonly secret?: string;
}

/** How much of something there may be (`Infinity`: without a bound), and is. */
export interface Quota {
  readonly total: number;
  readonly used: number;
}

/** An account's usage. */
export interface AccountUsage {
  readonly tier: Tier;
  readonly projects: Quota;
  /** Those of this month; where the tier does not bound these, how many are stored. */
  readonly predictions: Quota & {
    /** Microseconds until they are counted from zero again; `null`: never. */
    readonly untilReset: Micros | null;
  };
  readonly perProject: readonly {
    readonly projectId: string;
    readonly iterations: Quota;
    readonly images: Quota;
    readonly tags: Quota;
  }[];
}
