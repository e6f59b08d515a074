/**
 * Which backbone an account and a project want (a name; null: as the account says, and then the built-in one), and which one
 * an iteration learned on (`referenceTo` of `vision/backbone/installed.ts`; null: the built-in one).
 */
export const backbones = `
alter table accounts add column backbone text;
alter table projects add column backbone text;
alter table iterations add column backbone text;
`;
