import type { Api } from './operation.ts';
import type { Step } from './step.ts';
import { type ServedVersion, servedVersion } from './version.ts';
import { prediction10 } from './versions/prediction-1.0.ts';
import { prediction11 } from './versions/prediction-1.1.ts';
import { prediction20 } from './versions/prediction-2.0.ts';
import { prediction30 } from './versions/prediction-3.0.ts';
import { training10 } from './versions/training-1.0.ts';
import { training11 } from './versions/training-1.1.ts';
import { training12 } from './versions/training-1.2.ts';
import { training20 } from './versions/training-2.0.ts';
import { training21 } from './versions/training-2.1.ts';
import { training22 } from './versions/training-2.2.ts';
import { training30 } from './versions/training-3.0.ts';
import { training31 } from './versions/training-3.1.ts';
import { training32 } from './versions/training-3.2.ts';
import { training33 } from './versions/training-3.3.ts';

/** The newest version of an API, and the one that each step leads to. */
const versionsOf = (api: Api, steps: readonly Step[]): ServedVersion[] =>
  [[], ...steps].map((_, count) => servedVersion(api, steps.slice(0, count)));

/** Every version served, newest first. An older one is a file in `versions/` and the last word of a line here. */
export const servedVersions: readonly ServedVersion[] = [
  ...versionsOf('training', [
    training33,
    training32,
    training31,
    training30,
    training22,
    training21,
    training20,
    training12,
    training11,
    training10,
  ]),
  ...versionsOf('prediction', [prediction30, prediction20, prediction11, prediction10]),
  ...versionsOf('ownsight', []),
];
