/**
 * npm run bench [-- --rounds 5] [takeout purge …]: how fast the server is, each figure beside a bare peer that was
 * measured in the same run, in turns with it, so that the machine's own speed and mood cancel out.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { samplePictures } from '../samples.ts';
import { printTable, type Row } from './compare.ts';
import { featureRows, headRows } from './compute.ts';
import { purgeRows, takeoutRows } from './rights.ts';
import { serverRows } from './server.ts';

const { values: flags, positionals: only } = parseArgs({
  options: { rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
});
const rounds = Number(flags.rounds);
const directory = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));

/** The sections, by the words that choose them. */
const sections: Readonly<Record<string, (files: readonly string[], rounds: number) => Promise<Row[]>>> = {
  head: headRows,
  features: featureRows,
  server: serverRows,
  takeout: takeoutRows,
  purge: purgeRows,
};

const unknown = only.filter((name) => !(name in sections));
if (unknown.length > 0) throw new Error(`expected some of ${Object.keys(sections).join(', ')} but received ${unknown}`);

try {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds\n`,
  );
  const files = await drawFiles(192);
  const rows: Row[] = [];
  for (const [name, section] of Object.entries(sections))
    if (only.length === 0 || only.includes(name)) rows.push(...(await section(files, rounds)));
  printTable(rows);
  process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}

/** Pictures as a camera or a telephone app sends them: JPEG, 640 x 480 px. */
async function drawFiles(count: number): Promise<string[]> {
  const pictures = await samplePictures({ seed: 3, perClass: Math.ceil(count / 3) });
  return Promise.all(
    pictures.slice(0, count).map(async ({ bytes }, n) => {
      const file = join(directory, `${n}.jpg`);
      writeFileSync(file, await sharp(bytes).resize(640, 480).jpeg({ quality: 90 }).toBuffer());
      return file;
    }),
  );
}
