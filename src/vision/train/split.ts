import { createHash } from 'node:crypto';

/**
 * The fold, 0..folds-1, that holds a picture out: a hash (SHA-256) of its own id and nothing else, so that adding or
 * removing other pictures moves none. Folds are therefore not equally large, and may by chance leave a class without
 * a picture to learn from; the fit stays well defined, see `classify/fit.ts`.
 */
export function foldOf(key: string, folds = 5): number {
  return createHash('sha256').update(`ownsight fold\n${key}`).digest().readUInt32BE(0) % folds;
}
