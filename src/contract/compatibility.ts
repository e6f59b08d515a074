import { type Api, baseOfApi, history, isIn, type Lifetime, type OperationId, type Version } from './operation.ts';
import { servedVersions } from './served.ts';
import { operations } from './version.ts';

type AzureApi = Exclude<Api, 'ownsight'>;

/** Operations that some version had and none of ours serves yet. Source: the published Swagger files. */
const missing: Readonly<Record<AzureApi, Readonly<Record<string, Lifetime>>>> = {
  training: {
    PostImageTags: { since: '1.2', until: '1.2' },
    QueryPredictionResults: { since: '1.2', until: '1.2' },
    ExportProject: { since: '3.2' },
    ImportProject: { since: '3.2' },
  },
  prediction: {},
};

/** `docs/compatibility.md`: each operation in each version, served or not. */
export function compatibility(): string {
  return `# Compatibility

Made from the operation tables in \`src/contract/\`: do not edit.

● served, ○ exists in Azure's API but is not served yet, blank: that version did not have it.
${table('training', 'Training')}
${table('prediction', 'Prediction')}

## Default iterations

Before v3.0 one iteration of a project was the default one and answered predictions that name none; since then any number are
published under names. Here a project can have both, and neither knows of the other. UpdateIteration with \`isDefault\` makes a
trained iteration the default one instead of the one that was, or leaves the project without. PredictImage and its kin answer with
any trained iteration, published or not, that \`iterationId\` names; without it \`404 NotFoundProjectDefaultIteration\` where there is
no default one. QuickTestImage and QuickTestImageUrl without \`iterationId\` ask the default one, or else the newest trained one, in
every version. A default iteration can be deleted like any other: Azure says nothing about that, and newer programs could not end
its being the default. Back from the trash it is the default one again, unless another has become it.

Versions before v3.0 publish no form of refusals: they are those of v3.0, \`{"code", "message"}\`. To v2.0 and v2.1, which know no
types of tags, a negative tag looks like any other.

## Imported iterations

What \`ownsight import custom-vision\` brings of an iteration is what the other service told of it, without the model. It is
listed as \`Completed\`, is not exportable, and \`trainingErrorDetails\` (v3.4-preview) says that it was imported.
GetIterationPerformance answers with the other service's own figures at the thresholds 0.05, 0.10 … 0.95, at others with what
follows from its results picture by picture; of a detector only at those. PublishIteration, ExportIteration and QuickTestImage
answer \`400 BadRequestIterationIsNotTrained\`, "imported without its model"; QuickTestImage without an iteration passes it over.

## Ownsight's own

Beside Azure's API, in the same manner, opened by a training key.

${line(['Operation', 'Address', 'What it does'])}
${line(['---', '---', '---'])}
${own()}
`;
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const own = (): string =>
  Object.entries(operations)
    .filter(([, { api }]) => api === 'ownsight')
    .map(([id, { api, since, method, path, summary }]) =>
      line([id, `\`${method} ${baseOfApi(api, since)}${path}\``, summary]),
    )
    .join('\n');

function table(api: AzureApi, title: string): string {
  const versions: readonly Version[] = history[api];
  const known = Object.entries(operations).filter(([, operation]) => operation.api === api);
  const rows: [string, Lifetime][] = [...known, ...Object.entries(missing[api])].sort(([a], [b]) => (a < b ? -1 : 1));
  const mark = (id: string, lifetime: Lifetime, version: Version): string => {
    if (!isIn(version, lifetime)) return ' ';
    return isServed(api, version, id as OperationId) ? '●' : '○';
  };
  return `
## ${title}

${line(['Operation', ...versions.map((version) => `v${version}`)])}
${line(['---', ...versions.map(() => ':-:')])}
${rows.map(([id, lifetime]) => line([id, ...versions.map((version) => mark(id, lifetime, version))])).join('\n')}`;
}

const isServed = (api: Api, version: Version, id: OperationId): boolean =>
  servedVersions.some(
    (served) =>
      served.api === api && served.version === version && served.operations.some((operation) => operation.id === id),
  );
