import { inventory, languageFor, projectInventory } from '../../services/inventory.ts';
import type { Handlers } from '../handler.ts';

/** Everything that is held. */
export const inventoryHandlers: Pick<Handlers, 'GetData' | 'GetProjectData'> = {
  async GetData({ app, accountId, query, languages }) {
    const language = query.language ?? languageFor(languages);
    return { body: { language, ...(await inventory(app, accountId, language)) } };
  },
  async GetProjectData({ app, scope, query, languages }) {
    const language = query.language ?? languageFor(languages);
    return { body: { language, ...(await projectInventory(app, scope, language)) } };
  },
};
