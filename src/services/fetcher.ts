/** What the owner of an account named themselves, and so allows. */
export interface Trust {
  /** Host and port as a URL has them: may be reached wherever it lies. */
  readonly host: string;
  readonly signal?: AbortSignal | undefined;
}

/** The status of an answer that was not 200. */
export interface FetchStatus {
  readonly status: number | undefined;
}

/** Something to be sent to an address a caller named. */
export interface Outgoing {
  readonly url: string;
  readonly method: 'POST' | 'PUT' | 'DELETE';
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** What the caller calls the address. */
  readonly name: string;
  /** Milliseconds for all of it. Default 15,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Reaches addresses that a caller named. Beside an import that was asked for the only way out of this server. */
export interface Fetcher {
  /**
   * The bytes at `url` (http or https), at most `limit` bytes. Refuses private, loopback, link-local and other
   * non-public addresses, at every redirect anew, unless the administrator allowed their network.
   * @throws AppError `BadRequestImageUrl` for whatever prevents it; nothing is kept. Its cause is a {@link FetchStatus}
   * when a server answered, an `Error` when none did, nothing when the address was refused.
   */
  fetch(url: string, limit: number, trust?: Trust): Promise<Buffer>;
  /**
   * The bytes at `url` as they come, at most `limit`, with the same care and the same errors; however long that takes, as
   * long as some come again and again. Whoever stops reading ends it.
   */
  stream(url: string, limit: number, signal: AbortSignal): AsyncIterable<Buffer>;
  /**
   * Sends bytes to an address that the same holds of; resolves when it answered a status of success (200 to 299). Follows no
   * redirect. @throws AppError `BadRequestInvalidUri` for whatever prevents it, with causes as above.
   */
  send(outgoing: Outgoing): Promise<void>;
}
