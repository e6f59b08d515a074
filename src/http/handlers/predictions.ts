import { fromImagePrediction, fromPredictionQuery } from '../../contract/from-domain.ts';
import { toPredictionQuery } from '../../contract/to-domain.ts';
import type * as wire from '../../contract/wire.ts';
import type { Picture } from '../../services/pictures.ts';
import { predictPublished, predictWith, quickTest } from '../../services/predicting.ts';
import { deletePredictions, queryPredictions } from '../../services/stored-predictions.ts';
import { type Answer, type Call, type Handlers, nothing } from '../handler.ts';

type Classify = 'ClassifyImage' | 'ClassifyImageWithNoStore' | 'ClassifyImageUrl' | 'ClassifyImageUrlWithNoStore';
type Detect = 'DetectImage' | 'DetectImageWithNoStore' | 'DetectImageUrl' | 'DetectImageUrlWithNoStore';
type Predict = 'PredictImage' | 'PredictImageWithNoStore' | 'PredictImageUrl' | 'PredictImageUrlWithNoStore';
type QuickTest = 'QuickTestImage' | 'QuickTestImageUrl';

/** Predictions: made, tried, found again and deleted. */
export const predictionHandlers: Pick<
  Handlers,
  Classify | Detect | Predict | QuickTest | 'QueryPredictions' | 'DeletePrediction'
> = {
  ClassifyImage: (call) => ask(call, 'classify', call.files[0]!, true),
  ClassifyImageWithNoStore: (call) => ask(call, 'classify', call.files[0]!, false),
  ClassifyImageUrl: (call) => ask(call, 'classify', call.body, true),
  ClassifyImageUrlWithNoStore: (call) => ask(call, 'classify', call.body, false),
  DetectImage: (call) => ask(call, 'detect', call.files[0]!, true),
  DetectImageWithNoStore: (call) => ask(call, 'detect', call.files[0]!, false),
  DetectImageUrl: (call) => ask(call, 'detect', call.body, true),
  DetectImageUrlWithNoStore: (call) => ask(call, 'detect', call.body, false),
  PredictImage: (call) => predict(call, call.files[0]!, true),
  PredictImageWithNoStore: (call) => predict(call, call.files[0]!, false),
  PredictImageUrl: (call) => predict(call, call.body, true),
  PredictImageUrlWithNoStore: (call) => predict(call, call.body, false),
  QuickTestImage: (call) => test(call, call.files[0]!),
  QuickTestImageUrl: (call) => test(call, call.body),
  async QueryPredictions({ app, scope, body, id, links }) {
    const query = toPredictionQuery(body);
    const page = await queryPredictions(app, scope, query);
    return { body: fromPredictionQuery(query, body.session || id, page, links) };
  },
  async DeletePrediction({ app, scope, query }) {
    await deletePredictions(app, scope, query.ids);
    return nothing;
  },
};

type Asked<Op extends Classify | Detect | Predict | QuickTest> = Pick<
  Call<Op>,
  'app' | 'scope' | 'params' | 'query' | 'id'
>;

async function ask(
  call: Asked<Classify | Detect>,
  task: 'classify' | 'detect',
  picture: Picture,
  store: boolean,
): Promise<Answer<wire.ImagePrediction>> {
  const { app, scope, params, query, id } = call;
  const options = { id, store, application: query.application };
  return {
    body: fromImagePrediction(await predictPublished(app, scope, task, params.publishedName, picture, options)),
  };
}

async function predict(
  { app, scope, query, id }: Asked<Predict>,
  picture: Picture,
  store: boolean,
): Promise<Answer<wire.ImagePrediction>> {
  const options = { id, store, application: query.application };
  return { body: fromImagePrediction(await predictWith(app, scope, query.iterationId, picture, options)) };
}

async function test(call: Asked<QuickTest>, picture: Picture): Promise<Answer<wire.ImagePrediction>> {
  const { app, scope, query, id } = call;
  return {
    body: fromImagePrediction(
      await quickTest(app, scope, query.iterationId, picture, { id, store: query.store ?? true }),
    ),
  };
}
