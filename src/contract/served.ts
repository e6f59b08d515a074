import { type ServedVersion, servedVersion } from './version.ts';
import { prediction30 } from './versions/prediction-3.0.ts';
import { training12 } from './versions/training-1.2.ts';
import { training30 } from './versions/training-3.0.ts';
import { training31 } from './versions/training-3.1.ts';
import { training32 } from './versions/training-3.2.ts';
import { training33 } from './versions/training-3.3.ts';

/** Every version served, newest first. A new one is a file in `versions/` and a line here. */
export const servedVersions: readonly ServedVersion[] = [
  servedVersion('training', []),
  servedVersion('training', [training33]),
  servedVersion('training', [training33, training32]),
  servedVersion('training', [training33, training32, training31]),
  servedVersion('training', [training33, training32, training31, training30]),
  servedVersion('training', [training33, training32, training31, training30, training12]),
  servedVersion('prediction', []),
  servedVersion('prediction', [prediction30]),
  servedVersion('ownsight', []),
];
