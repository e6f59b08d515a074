/** How doubtful stored answers are, for listing them in that order. What was stored before counts as not doubtful at all. */
export const doubt = `
alter table predictions add column doubt bigint not null default 0;
create index predictions_project_doubt on predictions (project_id, doubt, id);
create index predictions_iteration_doubt on predictions (iteration_id, doubt, id);
alter table suggestions add column doubt bigint not null default 0;
create index suggestions_doubt on suggestions (iteration_id, doubt, image_id);
`;
