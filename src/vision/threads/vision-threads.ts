// First, so that it acts before any thread loads the library.
import '../runtime/no-telemetry.ts';

import { availableParallelism } from 'node:os';
import { chunks } from '../../base/concurrency.ts';
import { createApart } from '../../base/threads/apart.ts';
import { createPool } from '../../base/threads/pool.ts';
import { factsOf, findBackbone } from '../backbone/installed.ts';
import { fineTune } from '../classify/fine-tune.ts';
import { fineTunePlan } from '../classify/fine-tune-plan.ts';
import { fitClassifier } from '../classify/fit.ts';
import type { Vision } from '../vision.ts';
import type { LongTasks } from './long-tasks.ts';
import type { Tasks } from './tasks.ts';

/** More threads than this wait for memory rather than compute. */
const threadsAtMost = 8;

/** Networks that learn at the same time, half a gigabyte each. */
const networksAtOnce = 3;

/** Pictures sent to a thread together: fewer messages, and yet an urgent picture waits for one of them only. */
const picturesAtOnce = 4;

/** How the learning core is to be run. */
export interface VisionOptions {
  /** Compute threads, one a core (at most 8) if not given. The results do not depend on it. */
  readonly threads?: number;
  /** Where backbones lie beside the built-in one, which is the only one without it. */
  readonly modelsFolder?: string;
}

/**
 * The learning core in worker threads of this process; what takes minutes has a process of its own. None is started, and
 * no model loaded, before the first call.
 */
export function createVision({
  threads = Math.min(availableParallelism(), threadsAtMost),
  modelsFolder,
}: VisionOptions = {}): Vision {
  const data = { modelsFolder };
  const pool = createPool<Tasks>({ entry: new URL('./thread.ts', import.meta.url), threads, data });
  const apart = createApart<LongTasks>({ entry: new URL('./process.ts', import.meta.url), data });
  return {
    backbone: async (wanted) => factsOf((await findBackbone(wanted, modelsFolder)).entry),

    async features(pictures, { limits, backbone, changed } = {}, run = {}) {
      const failed = new AbortController();
      const signal = run.signal === undefined ? failed.signal : AbortSignal.any([run.signal, failed.signal]);
      let done = 0;
      const extract = async (some: readonly Uint8Array[]): Promise<Float32Array[]> => {
        // Copies of their own: the bytes may be a small part of a large buffer, all of which would be sent.
        const copies = some.map((bytes) => new Uint8Array(bytes));
        const features = await pool.run(
          'features',
          { pictures: copies, limits, backbone, changed },
          { ...run, signal, onProgress: () => {} },
          copies.map((copy) => copy.buffer),
        );
        done += some.length;
        run.onProgress?.(done / pictures.length);
        return features;
      };
      try {
        return (await Promise.all([...chunks(pictures, picturesAtOnce)].map(extract))).flat();
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    },

    fitClassifier: (set, run) =>
      fitClassifier(
        set,
        {
          standardise: (task, how) => pool.run('standardise', task, how),
          solve: (task, how) => pool.run('solve', task, how),
          calibrate: (scored, how) => pool.run('calibrate', scored, how),
        },
        run,
      ),

    async fineTune({ read, ...set }, quick, { backbone, hours }, run) {
      const { entry } = await findBackbone(backbone, modelsFolder);
      const plan = fineTunePlan({ pictures: set.order.length, classes: set.classes, size: entry.size, hours });
      return fineTune(
        set,
        quick,
        plan,
        {
          atOnce: Math.min(threads, networksAtOnce),
          learnWhole: (task, how) => apart.run('learnWhole', { task, backbone }, how, read),
          calibrate: (scored, how) => pool.run('calibrate', scored, how),
        },
        run,
      );
    },

    fitDetector: ({ classes, pictures, read }, { backbone, ...plan }, run) =>
      apart.run('fitDetector', { set: { classes, pictures }, plan, threads, backbone }, run, read),

    detect: (key, detector, picture, { limits, backbone } = {}, run = {}) =>
      pool.run('detect', { key, detector, picture: new Uint8Array(picture), limits, backbone }, run),

    likelyRegions: (picture, { limits } = {}, run = {}) =>
      pool.run('likelyRegions', { picture: new Uint8Array(picture), limits }, run),

    exportOnnx: (model, labels, flavor, run) => pool.run('exportOnnx', { model, labels, flavor }, run),

    async close() {
      await Promise.all([pool.close(), apart.close()]);
    },
  };
}
