import type { Step } from '../step.ts';

/** Training 1.2: PascalCase. Of it only the account is served, which no later version has. */
export const training12: Step = {
  version: '1.2',
  only: ['GetAccountInfo'],
  naming: (name) => name.charAt(0).toUpperCase() + name.slice(1),
};
