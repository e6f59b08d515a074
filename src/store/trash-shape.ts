import type { RawBuilder } from 'kysely';
import { tableCustody } from './custody.ts';
import { erasureOrder } from './erase.ts';
import type { Tables } from './schema.ts';

/**
 * How tables hang together for the trash, read from the custody table: images and tags stay in their tables with
 * `workspace = 0` and are only marked; what hangs on them, and whole rows of other tables with all that hangs on them,
 * are moved.
 */

/** A table, as the custody table names it. */
export type Table = keyof Tables;
/** Which rows: SQL over the alias `one`. */
export type Where = RawBuilder<unknown>;
/** Tables whose rows are marked rather than moved. */
export type Marked = 'images' | 'tags';

/** A table's columns, and how each is held. */
export const columnsOf = (table: Table): [string, string][] => Object.entries(tableCustody[table].columns);
/** Whether rows of a table refer to rows of another. */
export const hangsOn = (table: Table, parent: Table): boolean =>
  (tableCustody[table].hangsOn as readonly string[]).includes(parent);
/** The tables whose rows refer to a table's, children of children first. */
export const childrenOf = (table: Table): Table[] => erasureOrder.filter((other) => hangsOn(other, table));
/** The column by which rows refer to a row of a table. */
export const reference = (parent: Table): string => `${parent.slice(0, -1)}_id`;
/** All of those that the trash notes of a row. */
export const references = ['image_id', 'tag_id', 'iteration_id'] as const;

/** What only ties images, tags and iterations together, among all that hangs on one of them. */
export const linksOf = (table: Marked): Table[] =>
  childrenOf(table).filter((child) =>
    (['images', 'tags', 'iterations'] as const).some((other) => other !== table && hangsOn(child, other)),
  );
