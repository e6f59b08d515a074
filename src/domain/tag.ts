/** `Negative`: pictures that show none of the other tags. */
export type TagType = 'Regular' | 'Negative' | 'GeneralProduct';

/** A tag. */
export interface Tag {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly description: string | null;
  readonly type: TagType;
  /** Images that carry it: in the workspace, or in the iteration asked for. */
  readonly imageCount: number;
}
