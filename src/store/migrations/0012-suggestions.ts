/** What iterations suggested for images without tags. */
export const suggestions = `
create table suggestions (
  iteration_id text not null,
  image_id text not null references images (id),
  project_id text not null references projects (id),
  created bigint not null,
  results bytea not null,
  primary key (iteration_id, image_id)
);
create index suggestions_image on suggestions (image_id);
create index suggestions_created on suggestions (project_id, created);
`;
