/** A bare loop of sharp and onnxruntime on every core: the peer of features and of prediction. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import '../../../src/vision/runtime/no-telemetry.ts';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { backboneModel, loadBackbone, pictureInput } from '../../../src/vision/backbone/load.ts';
import { builtIn } from '../../../src/vision/backbone/registry.ts';
import { serveSide } from '../side.ts';

/** What a thread is started with. */
interface Share {
  readonly model: Uint8Array;
  readonly input: string;
  readonly files: readonly string[];
}

const { size } = builtIn;

async function thread({ model, input: name, files }: Share): Promise<void> {
  sharp.concurrency(1);
  sharp.cache(false);
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const pictures = files.map((file) => readFileSync(file));
  const decode = (bytes: Buffer) => sharp(bytes).resize(size, size, { fit: 'fill' }).removeAlpha().raw().toBuffer();
  parentPort!.on('message', async () => {
    // The next picture is decoded while this one is computed: whoever writes such a loop in earnest does so.
    let next = decode(pictures[0]!);
    for (let n = 0; n < pictures.length; n++) {
      const pixels = await next;
      if (n + 1 < pictures.length) next = decode(pictures[n + 1]!);
      const input = new Float32Array(3 * size * size);
      fill(input, pixels);
      await session.run({ [name]: new Tensor('float32', input, [1, 3, size, size]) });
    }
    parentPort!.postMessage('done');
  });
  parentPort!.postMessage('ready');
}

function fill(input: Float32Array, pixels: Buffer): void {
  const plane = size * size;
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) input[c * plane + y * size + x] = pixels[(y * size + x) * 3 + c]! / 127.5 - 1;
}

if (!isMainThread) await thread(workerData as Share);
else
  serveSide<{ files: string[] }, undefined, number>(async ({ files }) => {
    const backbone = await loadBackbone(builtIn);
    const [model, input] = [backboneModel(backbone), pictureInput(backbone).name];
    const count = availableParallelism();
    const workers = Array.from({ length: count }, (_, n) => {
      const share: Share = { model, input, files: files.filter((_, at) => at % count === n) };
      return new Worker(new URL(import.meta.url), { workerData: share });
    });
    const said = (worker: Worker) =>
      new Promise<void>((done, fail) => worker.once('message', () => done()).once('error', fail));
    await Promise.all(workers.map(said));
    return {
      /** Pictures a second. */
      async round() {
        const begun = performance.now();
        const all = workers.map(said);
        for (const worker of workers) worker.postMessage('go');
        await Promise.all(all);
        return files.length / ((performance.now() - begun) / 1000);
      },
      close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
    };
  });
