import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { samplePictures } from '../../../scripts/samples.ts';
import { detectingServer } from '../../fixtures/detecting-server.ts';
import { servePictures } from '../../fixtures/picture-server.ts';
import { temporaryFolder } from '../../fixtures/stores.ts';
import { drawnPictures } from '../drawn.ts';

/** A program that tells both stories with Microsoft's clients for its language. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program against a server of its own. On its input it is given, as JSON, the server's `endpoint` and keys, and
 * `classification` and `detection`: for each what is `learned` and `unseen`, pictures of `name`, `file`, `url` and their
 * `tag` or `regions`. It must end with 0; what it says is told.
 */
export async function tellByProgram(t: TestContext, { command, args, env }: Program): Promise<void> {
  const folder = temporaryFolder(t);
  const classification = {
    learned: await samplePictures({ perClass: 8 }),
    unseen: await samplePictures({ seed: 2, perClass: 2 }),
  };
  const files = new Map<string, Uint8Array>();
  const web = await servePictures(files);
  t.after(() => web.close());
  const given = (story: string, pictures: readonly { readonly name: string; readonly bytes: Uint8Array }[]) =>
    pictures.map(({ bytes, ...rest }) => {
      const name = `${story}-${rest.name}`;
      const file = join(folder, name);
      writeFileSync(file, bytes);
      files.set(name, bytes);
      return { ...rest, file, url: web.url(name) };
    });
  const server = await detectingServer(t);
  const told = {
    ...server,
    classification: {
      learned: given('learned', classification.learned),
      unseen: given('unseen', classification.unseen),
    },
    detection: {
      learned: given('learned', drawnPictures.learned),
      unseen: given('unseen', drawnPictures.unseen),
    },
  };
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk));
  child.stdin.end(JSON.stringify(told));
  const [code] = await once(child, 'close');
  const output = Buffer.concat(said).toString();
  for (const line of output.trim().split('\n')) t.diagnostic(line);
  assert.equal(code, 0, output);
}
