/** Things that are costly to make, by key; the last few used are kept. */
export interface Recent<T> {
  /**
   * Works with the thing of this key, which is made if it is not there; whoever asks meanwhile shares it. While it is
   * worked with it is not let go. A failure to make it is not kept.
   */
  use<R>(key: string, make: () => Promise<T>, work: (thing: T) => Promise<R>): Promise<R>;
  /** Lets go of all that nobody works with. */
  close(): Promise<void>;
}

/** At most `capacity` of them, but for those that are worked with; `drop` lets one go. */
export function recent<T>(capacity: number, drop: (thing: T) => Promise<void>): Recent<T> {
  interface Held {
    readonly made: Promise<T>;
    users: number;
  }
  const held = new Map<string, Held>();
  const trim = async (most: number): Promise<void> => {
    for (const [key, { made, users }] of held) {
      if (held.size <= most) return;
      if (users > 0) continue;
      held.delete(key);
      await drop(await made);
    }
  };
  return {
    async use(key, make, work) {
      const one = held.get(key) ?? { made: make(), users: 0 };
      held.delete(key);
      held.set(key, one);
      one.users++;
      try {
        const thing = await one.made.catch((error: unknown) => {
          if (held.get(key) === one) held.delete(key);
          throw error;
        });
        return await work(thing);
      } finally {
        one.users--;
        await trim(capacity);
      }
    },
    close: () => trim(0),
  };
}
