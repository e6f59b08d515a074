/** What was deleted but can be brought back, and how long each account keeps it. */
export const trash = `
create table trash_days (
  account_id text not null primary key references accounts (id),
  days bigint not null
);

create table trash (
  id text not null primary key,
  account_id text not null references accounts (id),
  project_id text references projects (id),
  kind text not null,
  trashed_by text not null,
  trashed bigint not null,
  due bigint not null
);
create index trash_account on trash (account_id, trashed, id);
create index trash_project on trash (project_id);
create index trash_due on trash (due);

create table trash_rows (
  kind text not null,
  row_id text not null,
  item_id text not null references trash (id),
  project_id text not null references projects (id),
  row text not null,
  keeps bigint not null,
  image_id text,
  tag_id text,
  iteration_id text,
  primary key (kind, row_id)
);
create index trash_rows_item on trash_rows (item_id, kind);
create index trash_rows_image on trash_rows (image_id) where image_id is not null;
create index trash_rows_tag on trash_rows (tag_id) where tag_id is not null;
create index trash_rows_iteration on trash_rows (iteration_id) where iteration_id is not null;
create index trash_rows_project on trash_rows (project_id);
`;
