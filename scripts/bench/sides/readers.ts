/** Readers that look for one thing in every way there is, all at once, and tell when they saw it. */
import { setTimeout as pause } from 'node:timers/promises';
import { serveSide } from '../side.ts';

/** Where to look, and how long. */
export interface ReadTask {
  readonly urls: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** An answer that holds this text shows it, and so does one that is a picture. */
  readonly text: string;
  readonly readers: number;
  readonly seconds: number;
}

/** Times in ms since 1970, of a clock that never goes back. */
export interface Look {
  readonly begun: number;
  readonly shown: boolean;
}

const now = (): number => performance.timeOrigin + performance.now();

serveSide<undefined, ReadTask, Look[]>(async () => ({ round: read }));

async function read({ urls, headers, text, readers, seconds }: ReadTask): Promise<Look[]> {
  const looks: Look[] = [];
  const end = now() + seconds * 1000;
  let turn = 0;
  await Promise.all(
    Array.from({ length: readers }, async () => {
      while (now() < end) {
        const url = urls[turn++ % urls.length]!;
        const begun = now();
        const answer = await fetch(url, { headers });
        const body = await answer.text();
        if (answer.status >= 500) throw new Error(`${url}: ${answer.status} ${body}`);
        const picture = answer.headers.get('content-type')?.startsWith('image/') ?? false;
        looks.push({ begun, shown: answer.ok && (picture || body.includes(text)) });
        await pause(0);
      }
    }),
  );
  return looks;
}
