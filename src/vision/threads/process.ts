import { serveApart } from '../../base/threads/serve-apart.ts';
import { ortRuntime } from '../runtime/ort.ts';
import { longTaskTable } from './long-tasks.ts';

// The entry of a process that does one long task.
const { modelsFolder } = JSON.parse(process.argv[2]!) as { modelsFolder?: string };
serveApart(longTaskTable(ortRuntime(), modelsFolder));
