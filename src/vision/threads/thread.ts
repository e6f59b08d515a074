import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../base/threads/serve.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { type Tasks, taskTable } from './tasks.ts';

// The entry of a compute thread.
const { close, ...table } = taskTable(ortRuntime(), (workerData as { modelsFolder?: string }).modelsFolder);
serveTasks<Tasks>(table, close);
