import { createHash } from 'node:crypto';
import type { Micros } from '../base/clock.ts';

/**
 * What the log tells of: changes of keys and everything that erases, hands out or brings back. Never a mere reading or
 * a prediction.
 */
export const auditActions = [
  'account-created',
  'account-deleted',
  'keys-viewed',
  'key-rotated',
  'key-added',
  'key-revoked',
  'project-deleted',
  'training-cancelled',
  'iteration-deleted',
  'iteration-published',
  'iteration-unpublished',
  'iteration-made-default',
  'iteration-default-ended',
  'export-deleted',
  'images-deleted',
  'iteration-rebuilt',
  'tag-deleted',
  'predictions-deleted',
  'expired-deleted',
  'trashed',
  'deletion-cancelled',
  'erasure-finished',
  'takeout',
  'restore',
  'project-exported',
  'project-copied',
  'project-imported',
  'import',
  'settings-changed',
] as const;
/** One of {@link auditActions}. */
export type AuditAction = (typeof auditActions)[number];

/**
 * Further facts of an entry: counts, words of a fixed list, ids. Never a name or anything else a user typed, which
 * would outlive what was erased.
 */
export type AuditDetail = Readonly<Record<string, string | number | boolean>>;

/** An entry as its hash covers it: all of it in the clear but the detail, which stays ciphertext. */
export interface AuditLink {
  readonly id: string;
  /** 1 for an account's first, then without a gap. */
  readonly number: number;
  /** When it happened. */
  readonly created: Micros;
  readonly action: string;
  readonly projectId: string | null;
  /** What it was done to, where that is one thing: an iteration, an export, a receipt … */
  readonly subjectId: string | null;
  /** The detail as it is stored, in base64; `null` when there is none. */
  readonly sealed: string | null;
  /** The hash of the entry before; {@link firstPrevious} for the first. */
  readonly previous: string;
  /** {@link hashOf} this entry. */
  readonly hash: string;
}

/** An entry for its owner's eyes. */
export interface AuditEntry extends AuditLink {
  readonly detail: AuditDetail | null;
}

/** Where a log ends. */
export interface AuditHead {
  readonly entries: number;
  /** The last entry's hash. */
  readonly hash: string;
}

/** What stands for the hash before the first entry. */
export const firstPrevious = '0'.repeat(64);
/** The end of a log without entries. */
export const emptyHead: AuditHead = { entries: 0, hash: firstPrevious };

/**
 * SHA-256 in hexadecimal over the JSON array of the entry's fields in this order; so it needs no key, and outlives the
 * keys.
 */
export const hashOf = (link: Omit<AuditLink, 'hash'>): string =>
  createHash('sha256')
    .update(
      JSON.stringify([
        link.previous,
        link.number,
        link.id,
        link.created,
        link.action,
        link.projectId,
        link.subjectId,
        link.sealed,
      ]),
    )
    .digest('hex');

/**
 * What is wrong with a chain of entries, oldest first, that begins after `from` and should end at `head` (`undefined`:
 * not known, so that entries missing at the end go unnoticed); empty = nothing was changed, removed or added.
 */
export function chainFaults(links: readonly AuditLink[], head: AuditHead | undefined, from = emptyHead): string[] {
  const faults: string[] = [];
  let { entries, hash } = from;
  for (const link of links) {
    if (link.number !== entries + 1) faults.push(`expected entry ${entries + 1} but received entry ${link.number}`);
    else if (link.previous !== hash) faults.push(`entry ${link.number} does not follow the entry before it`);
    if (hashOf(link) !== link.hash) faults.push(`entry ${link.number} was changed`);
    entries = link.number;
    hash = link.hash;
  }
  if (head !== undefined && head.entries !== entries)
    faults.push(`expected ${head.entries} entries but received ${entries}`);
  else if (head !== undefined && head.hash !== hash) faults.push('the last entry is not the one the log ended with');
  return faults;
}
