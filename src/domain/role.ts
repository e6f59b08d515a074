/** What a key of an account may be for, the mightiest first. The four keys every account has are its owner's. */
export const roles = ['owner', 'trainer', 'deployment', 'labeler', 'reader'] as const;
/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/**
 * Kinds of things that can be done, and which roles may do them. Source: the data actions of Azure's roles "Cognitive Services
 * Custom Vision Contributor" (here owner), "… Trainer", "… Deployment", "… Labeler" and "… Reader".
 */
export const dataActions = {
  /** Look at projects and all that is in them; stored predictions, deletions and receipts too. */
  read: ['owner', 'trainer', 'deployment', 'labeler', 'reader'],
  /** Add pictures, label, describe and delete them. */
  images: ['owner', 'trainer', 'labeler'],
  /** Make, change and delete tags. */
  tags: ['owner', 'trainer', 'labeler'],
  /** Train, cancel, rename and delete iterations; have them forget pictures; change a project's settings, and see its secrets. */
  train: ['owner', 'trainer'],
  /** Publish iterations and take them back. */
  publish: ['owner', 'trainer', 'deployment'],
  /** Export models, and delete exports. */
  exports: ['owner', 'trainer', 'deployment'],
  /** Ask for predictions and quick tests, and delete stored ones. */
  predict: ['owner', 'trainer', 'deployment'],
  /** Make, bring in, take out and delete whole projects. */
  projects: ['owner'],
  /** Everything about the account itself: its keys, tier, log, archives, trash, deletion. */
  account: ['owner'],
} as const satisfies Record<string, readonly Role[]>;

/** One of {@link dataActions}. */
export type DataAction = keyof typeof dataActions;

/** Whether a role may do such a thing. */
export const mayDo = (role: Role, action: DataAction): boolean =>
  (dataActions[action] as readonly Role[]).includes(role);
