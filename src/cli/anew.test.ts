import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Asked, countRequests, type Patience, whenCalm } from './anew.ts';

const long = 60_000;

/** How long {@link whenCalm} waited, ms. */
async function waited(asked: Asked, isWorking: () => boolean, patience: Patience): Promise<number> {
  // What is waited for keeps no process alive.
  const awake = setInterval(() => undefined, 1000);
  const begun = performance.now();
  await whenCalm(asked, isWorking, patience);
  clearInterval(awake);
  return performance.now() - begun;
}

test('calm is a pause without requests; where there is none, it is waited for no longer than said', async () => {
  let last = performance.now();
  const asked = {
    open: 0,
    get last() {
      return last;
    },
  };
  const asking = setInterval(() => {
    last = performance.now();
  }, 20);
  const noisy = await waited(asked, () => false, { quiet: 200, noise: 500, work: long });
  clearInterval(asking);
  assert.ok(noisy >= 490 && noisy < 2000, `waited ${noisy} ms`);
  const quiet = await waited(asked, () => false, { quiet: 200, noise: long, work: long });
  assert.ok(quiet >= 190 && quiet < 2000, `waited ${quiet} ms`);
});

test('work under way is not cut off, unless it never ends', async () => {
  const asked = { open: 0, last: Number.NEGATIVE_INFINITY };
  let isWorking = true;
  setTimeout(() => {
    isWorking = false;
  }, 300);
  const some = await waited(asked, () => isWorking, { quiet: 10, noise: 10, work: long });
  assert.ok(some >= 290 && some < 2000, `waited ${some} ms`);
  const endless = await waited(asked, () => true, { quiet: 10, noise: 10, work: 300 });
  assert.ok(endless >= 290 && endless < 2000, `waited ${endless} ms`);
  const open = await waited({ ...asked, open: 1 }, () => false, { quiet: 10, noise: 10, work: 300 });
  assert.ok(open >= 290 && open < 2000, `waited ${open} ms`);
});

test('a request counts until it is answered, or until nobody waits for the answer', async (t: TestContext) => {
  const answers: ServerResponse[] = [];
  const server = createServer((_request, response) => answers.push(response));
  t.after(() => server.close());
  const asked = countRequests(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const leaving = new AbortController();
  const answered = fetch(`http://127.0.0.1:${port}`);
  const openIs = async (open: number) => {
    for (let tries = 0; asked.open !== open && tries < 500; tries++) await pause(10);
    assert.equal(asked.open, open);
  };
  await openIs(1);
  const left = fetch(`http://127.0.0.1:${port}`, { signal: leaving.signal }).catch(() => undefined);
  await openIs(2);
  const came = asked.last;
  answers[0]!.end();
  await openIs(1);
  assert.ok(asked.last > came);
  leaving.abort();
  await openIs(0);
  await Promise.all([answered, left]);
});
