import { type DataAction, dataActions, mayDo, roles } from '../domain/role.ts';
import { accessTo } from './access.ts';

/** The part of `docs/compatibility.md` on what keys of each role may do. */
export function accessPage(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const row = (action: DataAction): string => {
    const operations = Object.entries(accessTo).filter(([, needed]) => needed === action);
    return line([operations.map(([id]) => id).join(', '), ...roles.map((role) => (mayDo(role, action) ? '●' : ' '))]);
  };
  return `## Roles of keys

The four keys every account has are the owner's: the training keys for the training API and Ownsight's own, the prediction keys
for the prediction API. Further keys have a role, one of those of Azure's access control, and serve all APIs as far as it goes.
Anything else is refused with \`403 ForbiddenUserInsufficientCapability\`, which names the roles it takes.

${line(['Operations', ...roles])}
${line(['---', ...roles.map(() => ':-:')])}
${(Object.keys(dataActions) as DataAction[]).map(row).join('\n')}

## Limits

An account that is held to one of Azure's pricing tiers (\`F0\`, \`S0\`) meets its limits with Azure's codes; others are bounded by
the disk, and GetAccountInfo tells \`Tier: Unlimited\` and \`Total: 2147483647\`. Only answers of the prediction API count as predictions
of a month; where they are not bounded, \`Used\` is how many are stored. Beyond the calls in a second of the tier the answer is
\`429 TooManyRequests\` with \`Retry-After\`, in the form of Azure's gateway as well; without a tier no call is counted.`;
}
