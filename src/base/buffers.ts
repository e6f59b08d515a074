/**
 * Has every buffer of this thread made from now on lie in memory of its own, which goes when nobody holds the buffer. By default
 * Node cuts small ones out of shared blocks, and one that is kept for long keeps what lay beside it: a text of somebody who has
 * deleted everything meanwhile.
 */
export function separateBuffers(): void {
  Buffer.poolSize = 0;
}
