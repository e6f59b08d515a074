import type { AuditAction, AuditHead } from './audit.ts';

/**
 * What can be erased, and what the account's log calls it. `expired`: stored predictions and exports whose time was over,
 * all that one sweep of a project found.
 */
export const erasureKinds = {
  account: 'account-deleted',
  project: 'project-deleted',
  iteration: 'iteration-deleted',
  images: 'images-deleted',
  tag: 'tag-deleted',
  predictions: 'predictions-deleted',
  export: 'export-deleted',
  expired: 'expired-deleted',
} as const satisfies Record<string, AuditAction>;
/** One of {@link erasureKinds}. */
export type ErasureKind = keyof typeof erasureKinds;

/** How many of each kind: names of tables and of kinds of file, as the custody page has them. */
export type ErasureCounts = Readonly<Record<string, number>>;

/** The media type of a signed receipt, as its header names it. */
export const receiptType = 'erasure-receipt+jwt';

/** Why something was erased: somebody asked for it, or its time was over. */
export const erasureCauses = ['request', 'retention'] as const;
/** One of {@link erasureCauses}. */
export type ErasureCause = (typeof erasureCauses)[number];

/** A copy of the server's data that was made before something was erased and is not known to be thrown away. */
export interface BackupTold {
  readonly id: string;
  /** ISO 8601, UTC: when it was made, and when it is to be thrown away. */
  readonly made: string;
  readonly until: string;
  /**
   * What was erased is noise in it, since the key that sealed it was destroyed. Else it opens with the project's key, for
   * whoever has the keys as well, until the copy is thrown away.
   */
  readonly noise: boolean;
}

/** What a receipt says. Random ids, times and numbers: nothing personal, and nothing that tells what was erased from what was not. */
export interface ReceiptContent {
  readonly iss: 'ownsight';
  readonly cause: ErasureCause;
  /** The receipt's own id. */
  readonly jti: string;
  readonly scope: {
    readonly kind: ErasureKind;
    readonly account: string;
    readonly project?: string;
    /** What was named in the request; left out where it was all there was, or too many to list. */
    readonly ids?: readonly string[];
  };
  /** What was removed for good. */
  readonly erased: ErasureCounts;
  /** What was asked for too but stays, because an iteration learned from it and was not to forget it. */
  readonly kept: ErasureCounts;
  /** The keys that were destroyed: `<account>`, `<account>/<project>`. What they sealed is noise from then on, in any copy. */
  readonly keysDestroyed: readonly string[];
  /** Backups of the server that may still hold what was erased, as ciphertext. */
  readonly backups: readonly BackupTold[];
  /**
   * Of an account: whether the server's master key was replaced, so that older copies of the files that hold the
   * destroyed keys open with no master key that is left; `false` where it lies elsewhere and is not the server's to replace.
   */
  readonly masterKeyRotated?: boolean;
  /** The iterations that were trained anew without it, so that their models know nothing of it. */
  readonly rebuilt?: readonly string[];
  /** ISO 8601, UTC: when it was asked for, when nothing answered with it any more, and when it was gone from the disk. */
  readonly asked: string;
  readonly invisible: string;
  readonly finished: string;
  /** Of an account: where its log ended, so that its owner's copy can be checked to be whole. */
  readonly audit?: AuditHead;
}

/** An erasure and, once it is finished, its receipt. */
export interface Receipt {
  readonly id: string;
  readonly kind: ErasureKind;
  readonly projectId: string | null;
  readonly state: 'Erasing' | 'Finished';
  readonly asked: number;
  readonly finished: number | null;
  /** JWS in compact form over {@link ReceiptContent}. */
  readonly receipt: string | null;
}
