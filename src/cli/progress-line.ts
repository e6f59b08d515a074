/** How often the line is written at most, ms. */
const every = 200;

/** A line on standard error that tells how far a work is, written anew in place; nothing of it where nobody looks. */
export interface ProgressLine {
  show(words: () => string): void;
  /** Ends the line; what is said next stands below it. */
  end(): void;
  /** A line that stays, seen or not. */
  say(words: string): void;
}

/** A {@link ProgressLine} with nothing on it. */
export function progressLine(): ProgressLine {
  const { stderr } = process;
  let last = Number.NEGATIVE_INFINITY;
  let isOpen = false;
  return {
    show(words) {
      if (!stderr.isTTY || performance.now() - last < every) return;
      last = performance.now();
      isOpen = true;
      stderr.write(`\r\x1b[K${words()}`);
    },
    end() {
      if (isOpen) stderr.write('\r\x1b[K');
      isOpen = false;
    },
    say(words) {
      stderr.write(`${words}\n`);
    },
  };
}
