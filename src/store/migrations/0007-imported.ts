/** What another service told of an iteration that came from there without its model. */
export const imported = `
alter table iterations add column imported bytea;
`;
