import { deleteExport } from '../../services/exporting.ts';
import { type Handlers, nothing } from '../handler.ts';

/** Ownsight's own API, beside what has a file of its own. */
export const ownsightHandlers: Pick<Handlers, 'DeleteExport'> = {
  async DeleteExport({ app, scope, params }) {
    await deleteExport(app, scope, params.iterationId, params.exportId);
    return nothing;
  },
};
