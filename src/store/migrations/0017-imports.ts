/** Whether a project is all there, and for one that is being imported the token that leads to where it comes from. */
export const imports = `
alter table projects add column status text not null default 'Succeeded';
alter table projects add column import_token bytea;
`;
