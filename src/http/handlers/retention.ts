import { getRetention, setRetention } from '../../services/retention.ts';
import type { Handlers } from '../handler.ts';

/** How long a project keeps predictions and exports. */
export const retentionHandlers: Pick<Handlers, 'GetRetention' | 'UpdateRetention'> = {
  async GetRetention({ app, scope }) {
    return { body: await getRetention(app, scope) };
  },
  async UpdateRetention({ app, scope, body }) {
    return { body: await setRetention(app, scope, body) };
  },
};
