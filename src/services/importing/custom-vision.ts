import { AppError } from '../../base/errors.ts';
import { defaultDomain, domainById, domains } from '../../domain/domain.ts';
import { limits } from '../../domain/limits.ts';
import { augmentationWhere } from '../../domain/project.ts';
import { customVisionIteration } from './custom-vision-iteration.ts';
import { picturesOf, type Reading, tagFrom } from './custom-vision-pictures.ts';
import type { Fault } from './report.ts';
import type { Source, SourceIteration, SourceProject } from './source.ts';
import { type Told, told, toldId, toldList, toldNumber, toldText, toldTime } from './told.ts';

/** A project of the resource, by id and name. */
export interface FoundProject {
  readonly id: string;
  readonly name: string;
}

/** The projects of the resource. */
export async function projectsOf({ vision, signal }: Reading): Promise<FoundProject[]> {
  return toldList(await vision.get('projects', signal)).flatMap((one) => {
    const id = toldId(one.id);
    return id === undefined ? [] : { id, name: toldText(one.name) ?? id };
  });
}

/** One project of the resource. @throws AppError `ImportRefused` when it is gone. */
export async function customVisionSource(reading: Reading, projectId: string): Promise<Source> {
  const { vision, signal } = reading;
  const { version } = vision;
  const root = `projects/${projectId}`;
  const answer = await vision.get(root, signal);
  if (answer === undefined) throw new AppError('ImportRefused', `The resource has no project ${projectId}.`);
  const notes: string[] = [];
  const project = await projectFrom(reading, projectId, told(answer), notes);
  const count = async (status: string): Promise<number | undefined> =>
    toldNumber(await vision.get(`${root}/images/${status}/count`, signal));
  const [tagged, untagged] = [await count('tagged'), await count('untagged')];
  return {
    project,
    apiVersion: version.name,
    total: tagged === undefined || untagged === undefined ? undefined : tagged + untagged,
    async *tags() {
      for (const one of toldList(await vision.get(`${root}/tags`, signal))) {
        const tag = tagFrom(one);
        yield tag ??
          ({
            fault: 'tag',
            item: String(one.id),
            code: 'BadRequestTagName',
            reason: 'It has no id or no name.',
          } as const);
      }
    },
    pictures: () => picturesOf(reading, root, undefined),
    async *iterations(): AsyncGenerator<SourceIteration | Fault> {
      const list = toldList(await vision.get(`${root}/iterations`, signal));
      for (const one of list.sort((a, b) => (toldTime(a.created) ?? 0) - (toldTime(b.created) ?? 0))) {
        const iteration = customVisionIteration(reading, root, one, project);
        if (iteration !== undefined) yield iteration;
        else
          notes.push(
            `The iteration ${toldText(one.name) ?? ''} is ${toldText(one.status) ?? 'of no status'}, not trained: it is left out.`,
          );
      }
    },
    notes: () => notes,
  };
}

async function projectFrom(
  { vision, signal }: Reading,
  id: string,
  answer: Told,
  notes: string[],
): Promise<SourceProject> {
  const settings = told(answer.settings);
  const domainId = toldId(settings.domainId);
  let domain = domainId === undefined ? undefined : domainById(domainId);
  if (domain === undefined) {
    const there = domainId === undefined ? {} : told(await vision.get(`domains/${domainId}`, signal));
    const type = there.type === 'ObjectDetection' ? 'ObjectDetection' : 'Classification';
    domain = type === 'Classification' ? defaultDomain : domains.find((one) => one.type === type)!;
    notes.push(
      `The domain ${toldText(there.name) ?? domainId ?? ''} is not known here: the project has ${domain.name}.`,
    );
  }
  const detection = domain.type === 'ObjectDetection';
  if (!detection && !vision.version.type)
    notes.push('This version does not tell whether a picture carries one tag or several: the project takes several.');
  if (settings.useNegativeSet === false) notes.push('The setting useNegativeSet=false has no meaning here.');
  if (toldText(settings.detectionParameters) !== undefined)
    notes.push('The setting detectionParameters has no meaning here.');
  const methods = told(told(settings.imageProcessingSettings).augmentationMethods);
  const augmentation = augmentationWhere((name) => methods[name] !== false);
  if (Object.values(augmentation).includes(false))
    notes.push('The image processing settings are kept, but training chooses its own here.');
  return {
    id,
    name: toldText(answer.name) ?? id,
    description: (toldText(answer.description) ?? '').slice(0, limits.descriptionLength),
    domainId: domain.id,
    classificationType: detection ? null : settings.classificationType === 'Multiclass' ? 'Multiclass' : 'Multilabel',
    targetExportPlatforms: Array.isArray(settings.targetExportPlatforms)
      ? settings.targetExportPlatforms.filter((one) => typeof one === 'string')
      : [],
    augmentation,
    created: toldTime(answer.created),
  };
}
