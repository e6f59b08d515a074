import { fromSuggestion, fromSuggestionQuery } from '../../contract/from-domain.ts';
import { toSuggestionFilter, toSuggestionQuery } from '../../contract/to-domain.ts';
import { countSuggestions, querySuggestions, suggest } from '../../services/suggesting.ts';
import type { Handlers } from '../handler.ts';

/** Tags and regions that iterations suggest for images without tags. */
export const suggestionHandlers: Pick<
  Handlers,
  'SuggestTagsAndRegions' | 'QuerySuggestedImages' | 'QuerySuggestedImageCount'
> = {
  async SuggestTagsAndRegions({ app, scope, query }) {
    return { body: (await suggest(app, scope, query.iterationId, query.imageIds)).map(fromSuggestion) };
  },
  async QuerySuggestedImages({ app, scope, query: { iterationId }, body, id, links }) {
    const query = toSuggestionQuery(body);
    const page = await querySuggestions(app, scope, iterationId, query);
    return { body: fromSuggestionQuery(query, body.session || id, page, links) };
  },
  async QuerySuggestedImageCount({ app, scope, query, body }) {
    const counts = await countSuggestions(app, scope, query.iterationId, toSuggestionFilter(body));
    return { body: Object.fromEntries(counts) };
  },
};
