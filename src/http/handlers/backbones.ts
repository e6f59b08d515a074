import { backboneOf, setBackbone } from '../../services/backbones.ts';
import type { Handlers } from '../handler.ts';

type Ids = 'GetAccountBackbone' | 'UpdateAccountBackbone' | 'GetBackbone' | 'UpdateBackbone';

/** On which network an account or a project learns. */
export const backboneHandlers: Pick<Handlers, Ids> = {
  async GetAccountBackbone({ app, accountId }) {
    return { body: await backboneOf(app, { accountId }) };
  },
  async UpdateAccountBackbone({ app, accountId, body }) {
    return { body: await setBackbone(app, { accountId }, body.backbone) };
  },
  async GetBackbone({ app, scope }) {
    return { body: await backboneOf(app, scope) };
  },
  async UpdateBackbone({ app, scope, body }) {
    return { body: await setBackbone(app, scope, body.backbone) };
  },
};
