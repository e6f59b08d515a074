import type { ApartTable } from '../../base/threads/serve-apart.ts';
import type { BackboneChoice } from '../backbone/installed.ts';
import { learnWhole, type WholeSolution, type WholeTask } from '../classify/learn-whole.ts';
import type { DetectorFit, DetectorSet } from '../detect/detector.ts';
import { fitDetector } from '../detect/fit.ts';
import type { DetectorPlan } from '../detect/plan.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { classifierBodies, detectorBodies } from './tasks.ts';

/** What takes minutes, and has a process of its own. Pictures are read by their keys. */
export type LongTasks = {
  fitDetector: {
    input: {
      readonly set: Omit<DetectorSet, 'read'>;
      readonly plan: DetectorPlan;
      readonly threads: number;
    } & BackboneChoice;
    output: DetectorFit;
  };
  learnWhole: { input: { readonly task: WholeTask } & BackboneChoice; output: WholeSolution };
};

/** The long tasks; `modelsFolder`: where the backbones lie. */
export const longTaskTable = (runtime: Runtime, modelsFolder?: string): ApartTable<LongTasks> => ({
  fitDetector: ({ set, plan, threads, backbone }, run) =>
    fitDetector(
      { ...set, read: run.read },
      plan,
      { runtime, threads, body: detectorBodies(modelsFolder, backbone) },
      run,
    ),
  learnWhole: async ({ task, backbone }, run) =>
    learnWhole(task, { runtime, read: run.read, ...(await classifierBodies(modelsFolder, backbone)) }, run),
});
