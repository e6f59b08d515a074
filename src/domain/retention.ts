/** How long a project keeps what is made while it is used, in whole days. */
export interface Retention {
  /** Stored predictions with their pictures; 0 = answers are given but nothing of them is kept. */
  readonly predictionsDays: number;
  /** Finished exports; `null` = until they or their iteration are deleted. */
  readonly exportsDays: number | null;
}

/** What holds for a project until it is told otherwise: 30 days is what Azure keeps predictions for. */
export const defaultRetention: Retention = { predictionsDays: 30, exportsDays: null };

/** The longest that may be asked for: ten years. */
export const longestRetentionDays = 3650;
