import type { FileReply } from '../../contract/operation.ts';
import type { App } from '../../services/context.ts';
import { type TakeoutInput, takeOut } from '../../services/takeout/takeout.ts';
import type { Handlers } from '../handler.ts';

/** Everything as one archive. */
export const takeoutHandlers: Pick<Handlers, 'GetTakeout' | 'GetProjectTakeout'> = {
  async GetTakeout({ app, accountId, query, signal }) {
    return { body: await archive(app, accountId, { format: query.format, signal }) };
  },
  async GetProjectTakeout({ app, scope: { accountId, projectId }, query, signal }) {
    return { body: await archive(app, accountId, { projectId, format: query.format, signal }) };
  },
};

async function archive(app: App, accountId: string, input: TakeoutInput): Promise<FileReply> {
  const { name, mediaType, stream, estimatedBytes, missing } = await takeOut(app, accountId, input);
  return {
    name,
    mediaType,
    size: undefined,
    headers: { 'ownsight-estimated-bytes': String(estimatedBytes) },
    trailers: { 'ownsight-missing': () => String(missing.length) },
    open: async () => stream,
  };
}
