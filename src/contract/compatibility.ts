import { type ProblemCode, problems } from '../domain/problems.ts';
import { ownCodes, unreachable } from '../domain/unreachable.ts';
import { accessPage } from './access-page.ts';
import { type AzureOperation, absent, differences } from './differences.ts';
import { type Api, baseOfApi, history, type Operation, type OperationId, type Version } from './operation.ts';
import { servedVersions } from './served.ts';
import { operations } from './version.ts';

type AzureApi = Exclude<Api, 'ownsight'>;

/** `docs/compatibility.md`: each operation in each version, what differs and why, and what is not here. */
export function compatibility(): string {
  return `# Compatibility

Made from the operation tables in \`src/contract/\`: do not edit.

● works, ◐ works but differs as told below, blank: that version did not have it.
${table('training', 'Training')}
${table('prediction', 'Prediction')}

## What differs

Of every operation:

- Ids, words of a list of choices, parts of addresses and names of properties are taken in any letter case; lists in queries with
  commas or repeated; null where something may be absent; the wrong \`Content-Type\` when the body is right.
- Links to pictures and models lead to this server; they are signed, and good for 24 hours as Azure's were.
- Answers are JSON. Its dates, nulls and order of properties are those recorded of Azure.
- A missing or wrong key is \`401\`, in the form of Azure's gateway and of its service at once. \`Ocp-Apim-Subscription-Key\` and
  \`Authorization: Bearer\` do for both APIs.
- \`429\` with \`Retry-After\`, and other limits on how much there may be, are only there for accounts that are held to one of Azure's
  tiers.

Of some:

${line(['Operations', 'How they differ'])}
${line(['---', '---'])}
${differing()}

## Not here

${line(['What', 'Why'])}
${line(['---', '---'])}
${absent.map(line).join('\n')}

## Errors

Of the ${reachable} codes below each is raised by a test. Statuses are those seen of Azure, and where none was seen, what the code says.

${Object.keys(problems)
  .filter((code) => !Object.hasOwn(ownCodes, code))
  .map((code) => `\`${code}\` ${problems[code as ProblemCode][0]}`)
  .join(', ')}.

Codes that Azure does not have:

${line(['Code', 'When'])}
${line(['---', '---'])}
${Object.entries(ownCodes)
  .map(([code, when]) => line([`\`${code}\` ${problems[code as ProblemCode][0]}`, when]))
  .join('\n')}

Codes of Azure that are never answered:

${line(['Codes', 'Why'])}
${line(['---', '---'])}
${[...Map.groupBy(Object.entries(unreachable), ([, why]) => why)]
  .map(([why, codes]) => line([codes.map(([code]) => `\`${code}\``).join(', '), why]))
  .join('\n')}

## Default iterations

Before v3.0 one iteration of a project was the default one and answered predictions that name none; since then any number are
published under names. Here a project can have both, and neither knows of the other. UpdateIteration with \`isDefault\` makes a
trained iteration the default one instead of the one that was, or leaves the project without. PredictImage and its kin answer with
any trained iteration, published or not, that \`iterationId\` names; without it \`404 NotFoundProjectDefaultIteration\` where there is
no default one. QuickTestImage and QuickTestImageUrl without \`iterationId\` ask the default one, or else the newest trained one, in
every version. A default iteration can be deleted like any other: Azure says nothing about that, and newer programs could not end
its being the default. Back from the trash it is the default one again, unless another has become it.

Versions 2.0 to 2.2 publish no form of refusals: they are those of v3.0, \`{"code", "message"}\`. To v2.0 and v2.1, which know no
types of tags, a negative tag looks like any other.

## Versions 1.0 to 1.2

Of Training 1.1 and Prediction 1.0 nothing was ever published. Programs written for Training 1.1 send some things as 1.0 has them
(\`images/image\`, \`images/url\`) and some as 1.2 has them: it takes both, and answers as 1.2 does. Prediction 1.0 is served as 1.1.
Of Training 1.0 only the documents of a client are left; what they list is served, with the names they give. That client called
GetTaggedImages GetImagesByTags and GetUntaggedImages GetAllUntaggedImages.

Errors are \`{"Code", "Message"}\`, as programs of that time read them; codes are those of 3.0, since no list is older. A wrong key
is answered as in every version.

The current iteration (\`CurrentIterationId\`) is the workspace: its id is that of the project, in GetIterations it comes last, as
\`New\`, and it may be named wherever images and tags are asked for. It can be neither changed nor deleted. GetTaggedImages of a
trained iteration tells with each image what was predicted for it by a model that had not seen it (\`Predictions\`).

A label of 1.0 has the id of its tag: an image carries a tag once. PostImageLabel refuses a second one in a multiclass project
(\`BadRequestImageTags\`). With the token of a last page GetNextPredictionResults answers no more results.

These versions know classifiers only. GetDomains lists only domains of those, so that a name stands for one of them; GetDomain finds
the others, too. A project with a detector is listed like any other: its images have the tags of their regions, predictions
name each tag once, with its highest probability and without a place, and GetIterationPerformance tells precision and recall at
the usual overlap. CreateProject takes the domain of a detector, whose regions a newer version has to draw. A negative tag looks
like any other. What is exported is ONNX, also where 1.2 named no platform but CoreML and TensorFlow.

## Copies of projects

The token of ExportProject is an address of this server in the form of Azure's; to ImportProject it goes URL-encoded. It is good for
24 hours, and no longer than the project, its account and the training key that asked for it are there: replacing that key ends
every token it asked for. Who has the token can copy the project as it is at that moment. A server imports from itself without a
detour over the network, and from others at public addresses, or in networks that \`OWNSIGHT_ALLOW_NETWORKS\` names. Tokens of Azure
lead to what nobody but Azure can read, and are refused with \`400 BadRequestInvalidImportToken\`; so is every token that is wrong or
over. \`502 ErrorProjectImportRequestFailed\`: the other server does not answer.

What goes along: settings, tags, images with metadata and regions, and trained iterations with performance, results picture by
picture and model, unpublished. Not stored predictions, exported files, published names, storage addresses, or how long things
are kept. A project that is being trained is refused with \`400 BadRequestExportWhileTraining\`, one of which an iteration has lost
its model, or still knows what it was to forget, with \`400 BadRequestIterationValidationFailed\`.

ImportProject answers at once with a project that is \`Importing\`. Until it is \`Succeeded\` it can be looked at (GetProject,
GetProjects), renamed and deleted; all else answers \`409 Conflict\`. Without \`name\` (v3.3) it gets the name it had and the first
free number, \`Fruit (1)\`; a \`name\` that is taken is refused with \`400 BadRequestProjectNameNotUnique\`. One that is \`Failed\` is
empty and can only be deleted: \`GET /ownsight/v1/restores\` says for a day why it failed, and of one that succeeded what was left
out.

## Settings, metadata and parameters

\`$filter\` of GetImages and GetImageCount takes \`eq\`, \`ne\`, \`and\`, \`or\` and parentheses, with or without \`metadata=\` before it; keys with
spaces are quoted, a quote within quotes is doubled, and all but the operators is compared to the letter. An image without the key
is not equal to any value. Anything else is \`400 BadRequest\`, saying at which character. The Swagger file of v3.3 allows 50 pairs
of metadata, keys of 256 and values of 512 characters, that of v3.4-preview 10, 128 and 256: here 50, 256 and 512 in both.
GetArtifact takes the path of a link, and the whole link as well.

\`imageProcessingSettings\` are kept and given back; training chooses how it varies pictures by itself. \`useNegativeSet\` and
\`detectionParameters\` can only be read, as in Azure. \`notificationEmailAddress\` is checked and not kept: no mail is sent.
\`exportModelContainerUri\` and \`notificationQueueUri\` lead to a container or queue of Azure with a signature in its address, since no
managed identity can be had here, to any other web address, or to a folder ([integrations.md](integrations.md)); CreateProject takes
them in its query too, from v3.3 on, and UpdateProject among the settings, where an empty text ends it.

\`customBaseModelInfo\` (v3.4-preview): the training begins from the network that the other iteration began from, whatever the
project's own setting, and says so. What that iteration learned of its pictures beyond that, where it was trained as \`Advanced\` or is a
detector, does not go along: a model that knows something of another project's pictures could not forget them.

v3.4-preview.1, a draft that was never published, is answered at its addresses as v3.4-preview; GetQuota is at both.

## Lists, queries and what is sent twice

Images are listed newest first unless \`orderBy\` says otherwise, images of one moment by their ids, so that none is on two pages.
\`skip\` counts from the newest there is when it is asked. With several \`tagIds\` an image is listed once when it carries any of
them; for images without tags \`tagIds\` mean nothing. With \`iterationId\` lists and counts are those of what the iteration learned,
whatever was added, changed or deleted since.

QueryPredictions and QuerySuggestedImages go on where the last entry of a page stood, so that what comes or goes in between neither
hides nor repeats another. A \`continuation\` is good for its project and its order (and iteration); a changed one, or one of another
list, is refused: \`400 BadRequestPredictionInvalidQueryParameters\`, \`400 BadRequestInvalid\`. \`session\` is given back as it came.
\`orderBy: Suggested\` puts the most uncertain answers first: by the entropy of each tag or box, -p ln p - (1 - p) ln (1 - p), added
up; so a picture in which nothing was found comes last. \`predictionUncertainty\` of suggestions is the same number.

A picture whose bytes the project has already is answered \`OKDuplicate\` with the image there is, however it comes: that image
gains the tags and regions given now, all of them or, where they do not go together with its own, none, and the metadata. CreateImagesFromPredictions
takes the prediction away either way. Pairs and regions that are there already are answered in \`duplicated\`. What is deleted a second
time: DeleteImageTags and DeletePrediction pass over it, DeleteImages and DeleteImageRegions refuse only when none of the ids is there.

## Imported iterations

What \`ownsight import custom-vision\` brings of an iteration is what the other service told of it, without the model. It is
listed as \`Completed\`, is not exportable, and \`trainingErrorDetails\` (v3.4-preview) says that it was imported.
GetIterationPerformance answers with the other service's own figures at the thresholds 0.05, 0.10 … 0.95, at others with what
follows from its results picture by picture; of a detector only at those. PublishIteration, ExportIteration and QuickTestImage
answer \`400 BadRequestIterationIsNotTrained\`, "imported without its model"; QuickTestImage without an iteration passes it over.

${accessPage()}

## Ownsight's own

Beside Azure's API, in the same manner, opened by a training key.

${line(['Operation', 'Address', 'What it does'])}
${line(['---', '---', '---'])}
${own()}
`;
}

const reachable = Object.keys(problems).length - Object.keys(ownCodes).length;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const own = (): string =>
  Object.entries(operations)
    .filter(([, { api }]) => api === 'ownsight')
    .map(([id, { api, since, method, path, summary }]) =>
      line([id, `\`${method} ${baseOfApi(api, since)}${path}\``, summary]),
    )
    .join('\n');

/** Every way in which operations differ, with those that do, in the order of their names. */
function differing(): string {
  const all = (Object.entries(differences) as [AzureOperation, string | null][])
    .flatMap(([id, how]) => (how === null ? [] : [[titleOf(operations[id], id), how] as const]))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return [...Map.groupBy(all, ([, how]) => how)]
    .map(([how, names]) => line([names.map(([name]) => name).join(', '), how]))
    .join('\n');
}

const titleOf = ({ name, until }: Operation, id: string): string =>
  name === undefined ? id : `${name} (to v${until})`;

function table(api: AzureApi, title: string): string {
  const versions: readonly Version[] = history[api];
  const known = (Object.entries(operations) as [OperationId, Operation][]).filter(([, { api: its }]) => its === api);
  const names = [...new Set(known.map(([id, operation]) => operation.name ?? id))].sort();
  return `
## ${title}

${line(['Operation', ...versions.map((version) => `v${version}`)])}
${line(['---', ...versions.map(() => ':-:')])}
${names.map((name) => line([name, ...versions.map((version) => mark(api, version, name))])).join('\n')}`;
}

function mark(api: AzureApi, version: Version, name: string): string {
  const served = servedVersions.find((one) => one.api === api && one.version === version);
  const operation = served?.operations.find((one) => one.name === name);
  if (operation === undefined) return ' ';
  return differences[operation.id as AzureOperation] === null ? '●' : '◐';
}
