import { fromTag } from '../../contract/from-domain.ts';
import { createTag, deleteTag, getTag, listTags, updateTag } from '../../services/tags.ts';
import { type Handlers, nothing } from '../handler.ts';

/** The tags of a project. */
export const tagHandlers: Pick<Handlers, 'CreateTag' | 'GetTags' | 'GetTag' | 'UpdateTag' | 'DeleteTag'> = {
  async CreateTag({ app, scope, query }) {
    return { body: fromTag(await createTag(app, scope, query)) };
  },
  async GetTags({ app, scope, query }) {
    return { body: (await listTags(app, scope, query.iterationId)).map(fromTag) };
  },
  async GetTag({ app, scope, params, query }) {
    return { body: fromTag(await getTag(app, scope, params.tagId, query.iterationId)) };
  },
  async UpdateTag({ app, scope, params, body }) {
    return { body: fromTag(await updateTag(app, scope, params.tagId, body)) };
  },
  async DeleteTag({ app, scope, params }) {
    await deleteTag(app, scope, params.tagId);
    return nothing;
  },
};
