import type { Micros } from '../base/clock.ts';

/** One tag a picture, or any number of them. */
export type ClassificationType = 'Multiclass' | 'Multilabel';

/** The methods of image processing there are, all wanted unless something else is said. */
export const augmentationMethods = [
  'rotation',
  'scaling',
  'translation',
  'horizontal flip',
  'equalize',
  'solarize',
  'padtosquare',
] as const;
/** Whether each method is wanted. It is kept and given back; training chooses its own. */
export type Augmentation = Readonly<Record<(typeof augmentationMethods)[number], boolean>>;

/** The methods that are wanted where `wanted` says so. */
export const augmentationWhere = (wanted: (name: keyof Augmentation) => boolean): Augmentation =>
  Object.fromEntries(augmentationMethods.map((name) => [name, wanted(name)])) as Augmentation;

/** A project: pictures, tags and what was learned from them. */
export interface Project {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** `''` when none was given. */
  readonly description: string;
  readonly domainId: string;
  /** `null` for object detection. */
  readonly classificationType: ClassificationType | null;
  readonly targetExportPlatforms: readonly string[];
  readonly augmentation: Augmentation;
  /** Where its exported models are put, and its messages are sent; `null`: nowhere. */
  readonly exportModelContainerUri: string | null;
  readonly notificationQueueUri: string | null;
  /** Name of the backbone it chose to learn on; `null`: the account's. */
  readonly backbone: string | null;
  readonly created: Micros;
  readonly lastModified: Micros;
  /** One that is not `Succeeded` is being imported, or could not be: it has no content that counts. */
  readonly status: 'Succeeded' | 'Importing' | 'Failed';
  /** Whose thumbnail stands for the project: its newest image; `null` without images. */
  readonly thumbnailImageId: string | null;
}
