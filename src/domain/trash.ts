/** How many days what is deleted can be brought back, unless the account says otherwise. 0: not at all. */
export const defaultTrashDays = 7;
/** The most an account may say. */
export const longestTrashDays = 30;

/** Who put something into the trash: which of the account's keys, one of its named keys, or the command. Words of a fixed list. */
export const trashers = ['primary training key', 'secondary training key', 'named key', 'command'] as const;
/** One of {@link trashers}. */
export type Trasher = (typeof trashers)[number];
/** Whoever asked with a key that the account's log names so. */
export const trasherOf = (key: string): Trasher => trashers.find((one) => one === key) ?? 'named key';
