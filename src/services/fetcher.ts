/** Fetches a picture from an address a caller named. The only way out of this server. */
export interface Fetcher {
  /**
   * The bytes at `url` (http or https), at most `limit` bytes. Refuses private, loopback, link-local and other
   * non-public addresses, at every redirect anew, unless the administrator allowed their network.
   * @throws AppError `BadRequestImageUrl` for whatever prevents it; nothing is kept.
   */
  fetch(url: string, limit: number): Promise<Buffer>;
}
