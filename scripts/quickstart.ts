/**
 * npm run quickstart [-- --delete] [--endpoint URL --training-key KEY --prediction-key KEY] [--ready-file PATH]
 * The whole story against a running server with Microsoft's own SDK: create, upload, train, measure, publish, predict,
 * export.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PredictionAPIClient } from '@azure/cognitiveservices-customvision-prediction';
import { TrainingAPIClient } from '@azure/cognitiveservices-customvision-training';
import type { ExportModel } from '@azure/cognitiveservices-customvision-training/esm/models/index.js';
import { ApiKeyCredentials } from '@azure/ms-rest-js';
import { readConfig } from '../src/config.ts';
import { samplePictures } from './samples.ts';

const { values: flags } = parseArgs({
  options: {
    endpoint: { type: 'string' },
    'training-key': { type: 'string' },
    'prediction-key': { type: 'string' },
    'ready-file': { type: 'string' },
    delete: { type: 'boolean', default: false },
  },
});

/** Whom to talk to. */
interface Server {
  readonly endpoint: string;
  readonly trainingKey: string;
  readonly predictionKey: string;
}

try {
  await quickstart(await findServer());
} catch (error) {
  process.exitCode = 1;
  console.error(`\n✖ ${error instanceof Error ? error.message : String(error)}`);
}

/** From the command line, else the environment, else the file a running server writes. */
async function findServer(): Promise<Server> {
  const file = flags['ready-file'] ?? join(readConfig().home, 'ready.json');
  const ready = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Server>) : {};
  const endpoint = flags.endpoint ?? process.env.OWNSIGHT_ENDPOINT ?? ready.endpoint;
  const trainingKey = flags['training-key'] ?? process.env.OWNSIGHT_TRAINING_KEY ?? ready.trainingKey;
  const predictionKey = flags['prediction-key'] ?? process.env.OWNSIGHT_PREDICTION_KEY ?? ready.predictionKey;
  if (endpoint === undefined || trainingKey === undefined || predictionKey === undefined)
    throw new Error(
      'No running server found. Run `npm start` in another window and this again,\n' +
        '  or name one with --endpoint, --training-key and --prediction-key.',
    );
  await fetch(endpoint, { signal: AbortSignal.timeout(5000) }).catch(() => {
    throw new Error(`Nothing answers at ${endpoint}. Run \`npm start\` in another window and this again.`);
  });
  return { endpoint: endpoint.replace(/\/+$/, ''), trainingKey, predictionKey };
}

async function quickstart({ endpoint, trainingKey, predictionKey }: Server): Promise<void> {
  const training = new TrainingAPIClient(
    new ApiKeyCredentials({ inHeader: { 'Training-key': trainingKey } }),
    endpoint,
  );
  const prediction = new PredictionAPIClient(
    new ApiKeyCredentials({ inHeader: { 'Prediction-key': predictionKey } }),
    endpoint,
  );
  console.log(`Ownsight at ${endpoint}, through Microsoft's SDK for Azure Custom Vision\n`);

  const domain = (await training.getDomains()).find(
    (one) => one.name === 'General (compact)' && one.type === 'Classification',
  )!;
  const name = freeName((await training.getProjects()).map((one) => one.name));
  const project = await training.createProject(name, { domainId: domain.id!, classificationType: 'Multiclass' });
  say('Project', `"${name}"`);

  const pictures = await samplePictures();
  const tags = new Map<string, string>();
  for (const tag of new Set(pictures.map((one) => one.tag)))
    tags.set(tag, (await training.createTag(project.id!, tag)).id!);
  say('Tags', [...tags.keys()].join(', '));

  const uploading = stopwatch();
  const { isBatchSuccessful, images } = await training.createImagesFromFiles(project.id!, {
    images: pictures.map((one) => ({ name: one.name, contents: one.bytes, tagIds: [tags.get(one.tag)!] })),
  });
  if (isBatchSuccessful !== true)
    throw new Error(`some pictures were refused: ${images!.map((one) => one.status).join(', ')}`);
  say('Pictures', `${images!.length} drawn ones uploaded in ${uploading()}`);

  const learning = stopwatch();
  let iteration = await training.trainProject(project.id!);
  while (iteration.status === 'Training') {
    await pause(200);
    progress('Training', learning());
    iteration = await training.getIteration(project.id!, iteration.id!);
  }
  if (iteration.status !== 'Completed')
    throw new Error(`training ended as ${iteration.status}: ${iteration.trainingErrorDetails ?? 'no reason given'}`);
  say('Training', `done in ${learning()}`);

  const performance = await training.getIterationPerformance(project.id!, iteration.id!, { threshold: 0.5 });
  say('Performance', 'on pictures the model had not seen when it was asked');
  console.log(`${' '.repeat(19)}precision   recall   average precision`);
  for (const row of [...performance.perTagPerformance!.toSorted(byName), { ...performance, name: 'all' }])
    console.log(
      `    ${row.name!.padEnd(12)}${percent(row.precision)}   ${percent(row.recall)}   ${percent(row.averagePrecision)}`.replace(
        /^/,
        '    ',
      ),
    );

  const published = 'quickstart';
  await training.publishIteration(project.id!, iteration.id!, published, 'local');
  say('Published', `as "${published}"`);

  say('Predictions', 'of new pictures');
  for (const picture of await samplePictures({ seed: 2, perClass: 1 })) {
    const answer = await prediction.classifyImage(project.id!, published, picture.bytes);
    const guesses = answer.predictions!.map((one) => `${one.tagName} ${percent(one.probability).trim()}`);
    console.log(`        ${picture.tag.padEnd(8)} → ${guesses.join(', ')}`);
  }

  let exported: ExportModel = await training.exportIteration(project.id!, iteration.id!, 'ONNX');
  while (exported.status === 'Exporting') {
    await pause(200);
    exported = (await training.getExports(project.id!, iteration.id!)).find((one) => one.platform === 'ONNX')!;
  }
  if (exported.status !== 'Done') throw new Error(`the export ended as ${exported.status}`);
  const zip = Buffer.from(await (await fetch(exported.downloadUri!)).arrayBuffer());
  const zipPath = join(tmpdir(), `ownsight-${project.id}.onnx.zip`);
  writeFileSync(zipPath, zip);
  say('Export', `ONNX, ${(zip.length / 2 ** 20).toFixed(1)} MB: ${zipPath}`);

  if (flags.delete) {
    await training.unpublishIteration(project.id!, iteration.id!);
    await training.deleteProject(project.id!);
    say('Deleted', 'the project and everything in it');
    return;
  }
  const address = `${endpoint}/customvision/v3.4-preview/training/projects/${project.id}`;
  console.log(`
The project stays. Ask it about a picture of your own:
  curl -H 'Prediction-Key: ${predictionKey}' -H 'Content-Type: application/octet-stream' --data-binary @picture.jpg \\
    ${endpoint}/customvision/v3.1/prediction/${project.id}/classify/iterations/${published}/image
Delete it with everything in it:
  curl -X DELETE -H 'Training-Key: ${trainingKey}' ${address}/iterations/${iteration.id}/publish
  curl -X DELETE -H 'Training-Key: ${trainingKey}' ${address}
(\`npm run quickstart -- --delete\` does so by itself at the end.)`);
}

function freeName(taken: readonly (string | undefined)[]): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? 'Quickstart' : `Quickstart ${n}`;
    if (!taken.includes(name)) return name;
  }
}

function stopwatch(): () => string {
  const begun = performance.now();
  return () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
}

/** The line of a step that goes on; on a terminal it is rewritten in place, elsewhere left out. */
function progress(step: string, text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r…  ${step.padEnd(13)}${text}`);
}

function say(step: string, text: string): void {
  console.log(`${process.stdout.isTTY ? '\r\x1b[K' : ''}✔  ${step.padEnd(13)}${text}`);
}

function percent(fraction: number | undefined): string {
  return `${((fraction ?? 0) * 100).toFixed(1).padStart(5)} %`;
}

function byName(a: { name?: string }, b: { name?: string }): number {
  return (a.name ?? '').localeCompare(b.name ?? '');
}
