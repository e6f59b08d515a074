import { archiveFormats } from '../../base/archive-format.ts';
import type { FileReply } from '../../contract/operation.ts';
import { fromTakeout } from '../../contract/takeout.ts';
import type { App } from '../../services/context.ts';
import { readTakeout } from '../../services/takeout/reading.ts';
import { folderName, type TakeoutInput, takeOut } from '../../services/takeout/takeout.ts';
import {
  beginTakeout,
  cancelTakeout,
  getTakeout,
  listTakeouts,
  takeoutByToken,
} from '../../services/takeout/takeouts.ts';
import { type Handlers, nothing } from '../handler.ts';

/** Everything as one archive. */
export const takeoutHandlers: Pick<
  Handlers,
  | 'GetTakeout'
  | 'GetProjectTakeout'
  | 'BeginTakeout'
  | 'ListTakeouts'
  | 'GetTakeoutProgress'
  | 'CancelTakeout'
  | 'ReadTakeout'
> = {
  async BeginTakeout({ app, accountId, body, links, signal }) {
    const { projectId, format = 'zip' } = body ?? {};
    const takeout = await beginTakeout(app, accountId, { projectId: projectId ?? undefined, format, signal });
    return { body: fromTakeout(takeout, links.takeout(takeout.id)) };
  },
  async ListTakeouts({ app, accountId, links }) {
    return { body: (await listTakeouts(app, accountId)).map((one) => fromTakeout(one, links.takeout(one.id))) };
  },
  async GetTakeoutProgress({ app, accountId, params, links }) {
    return { body: fromTakeout(await getTakeout(app, accountId, params.takeoutId), links.takeout(params.takeoutId)) };
  },
  async CancelTakeout({ app, accountId, params }) {
    await cancelTakeout(app, accountId, params.takeoutId);
    return nothing;
  },
  async ReadTakeout({ app, params, query, signal }) {
    const takeout = await takeoutByToken(app, params.takeoutId, query.token);
    const format = takeout.format as keyof typeof archiveFormats;
    return {
      body: {
        name: `${folderName(takeout.created)}.${format}`,
        mediaType: archiveFormats[format].mediaType,
        size: takeout.bytes,
        tag: takeout.id,
        open: (from: number, to: number | undefined) =>
          readTakeout(app, takeout, { from, to: to ?? takeout.bytes, signal }),
      },
    };
  },
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
