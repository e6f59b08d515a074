import { fromImageTags, fromRegionProposals, fromRegions } from '../../contract/from-domain.ts';
import { toRegions } from '../../contract/to-domain.ts';
import { createImageTags, deleteImageTags } from '../../services/image-tags.ts';
import { proposeRegions } from '../../services/proposing.ts';
import { createRegions, deleteRegions } from '../../services/regions.ts';
import { type Handlers, nothing } from '../handler.ts';

type Ids =
  | 'CreateImageTags'
  | 'DeleteImageTags'
  | 'CreateImageRegions'
  | 'DeleteImageRegions'
  | 'GetImageRegionProposals';

/** Tags and regions put on images and taken off, and places proposed for regions. */
export const labelHandlers: Pick<Handlers, Ids> = {
  async CreateImageTags({ app, scope, body }) {
    return { body: fromImageTags(await createImageTags(app, scope, body.tags)) };
  },
  async DeleteImageTags({ app, scope, query }) {
    await deleteImageTags(app, scope, query.imageIds, query.tagIds);
    return nothing;
  },
  async CreateImageRegions({ app, scope, body }) {
    const summary = await createRegions(app, scope, toRegions(body));
    return { body: fromRegions(summary), status: summary.exceeded.length > 0 ? 207 : 200 };
  },
  async GetImageRegionProposals({ app, scope, params: { imageId } }) {
    return { body: fromRegionProposals(scope.projectId, imageId, await proposeRegions(app, scope, imageId)) };
  },
  async DeleteImageRegions({ app, scope, query }) {
    await deleteRegions(app, scope, query.regionIds);
    return nothing;
  },
};
