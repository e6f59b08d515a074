import type { ownsightOperations } from '../../contract/ownsight.ts';
import { deleteExport } from '../../services/exporting.ts';
import { type Handlers, nothing } from '../handler.ts';
import type { auditHandlers } from './audit.ts';
import type { inventoryHandlers } from './inventory.ts';
import type { retentionHandlers } from './retention.ts';

/** Ownsight's own API. */
export const ownsightHandlers: Pick<
  Handlers,
  Exclude<
    keyof typeof ownsightOperations,
    keyof typeof retentionHandlers | keyof typeof auditHandlers | keyof typeof inventoryHandlers
  >
> = {
  async DeleteExport({ app, scope, params }) {
    await deleteExport(app, scope, params.iterationId, params.exportId);
    return nothing;
  },
};
