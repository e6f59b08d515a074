/** The iteration that a training named as its base, and its project; null: none. */
export const baseModels = `
alter table iterations add column base_project_id text;
alter table iterations add column base_iteration_id text;
`;
