/**
 * npm run bench [-- --rounds 5] [--pictures 10000] [takeout purge …]: how fast the server is, each figure beside a bare peer that was
 * measured in the same run, in turns with it, so that the machine's own speed and mood cancel out.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { printTable, type Row } from './compare.ts';
import { featureRows, headRows } from './compute.ts';
import { bloodCellRows, detectorRows, stepRows } from './learning.ts';
import { listingRows } from './listing.ts';
import { clothingRows } from './quality.ts';
import { purgeRows, restoreRows, takeoutRows } from './rights.ts';
import { inventoryRows, invisibleRows } from './seeing.ts';
import { serverRows } from './server.ts';
import { startSide } from './side.ts';

const { values: flags, positionals: only } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, pictures: { type: 'string', default: '10000' } },
  allowPositionals: true,
});
const [rounds, pictures] = [Number(flags.rounds), Number(flags.pictures)];
const directory = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));

/** The sections, by the words that choose them; `pictures` is how many are taken out, put back and removed. */
const sections: Readonly<
  Record<string, (files: readonly string[], rounds: number, pictures: number) => Promise<Row[]>>
> = {
  head: headRows,
  features: featureRows,
  server: serverRows,
  takeout: takeoutRows,
  purge: purgeRows,
  restore: restoreRows,
  invisible: invisibleRows,
  inventory: inventoryRows,
  listing: listingRows,
  step: stepRows,
  detector: detectorRows,
  clothing: clothingRows,
  bccd: bloodCellRows,
};
/** Those that take so long that they are run only when they are named. */
const onRequest = new Set(['bccd']);

const unknown = only.filter((name) => !(name in sections));
if (unknown.length > 0) throw new Error(`expected some of ${Object.keys(sections).join(', ')} but received ${unknown}`);

try {
  console.log(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds\n`,
  );
  const side = await startSide('draw', { directory });
  const files = await side.round<string[]>({ count: 192 });
  await side.stop();
  const rows: Row[] = [];
  for (const [name, section] of Object.entries(sections))
    if (only.length === 0 ? !onRequest.has(name) : only.includes(name))
      rows.push(...(await section(files, rounds, pictures)));
  printTable(rows);
  process.exitCode = rows.every((row) => row.ok) ? 0 : 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
