/** How many days what is deleted can be brought back, unless the account says otherwise. 0: not at all. */
export const defaultTrashDays = 7;
/** The most an account may say. */
export const longestTrashDays = 30;

/** Who put something into the trash: which of the account's keys, or the command. Words of a fixed list. */
export const trashers = ['primary training key', 'secondary training key', 'command'] as const;
/** One of {@link trashers}. */
export type Trasher = (typeof trashers)[number];
