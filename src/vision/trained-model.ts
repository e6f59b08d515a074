import type { Classifier } from './classify/classifier.ts';
import { decodeClassifier } from './classify/serialize.ts';
import type { Detector } from './detect/detector.ts';
import { decodeDetector, holdsDetector } from './detect/serialize.ts';

/** Whatever training makes. */
export type TrainedModel =
  | { readonly kind: 'classifier'; readonly classifier: Classifier }
  | { readonly kind: 'detector'; readonly detector: Detector };

/**
 * A model as it is kept, of the kind that its first bytes tell.
 * @throws AppError `BadClassifier`, `BadDetector` when the bytes are damaged.
 */
export const decodeModel = (bytes: Uint8Array): TrainedModel =>
  holdsDetector(bytes)
    ? { kind: 'detector', detector: decodeDetector(bytes) }
    : { kind: 'classifier', classifier: decodeClassifier(bytes) };
