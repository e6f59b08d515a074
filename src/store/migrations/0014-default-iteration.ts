/** Which iteration of a project answers predictions that name none: at most one. */
export const defaultIteration = `
alter table iterations add column is_default integer not null default 0;
create unique index iterations_default on iterations (project_id) where is_default = 1;
`;
