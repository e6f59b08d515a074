/**
 * The tables of `schema.ts`, in the SQL that SQLite and PostgreSQL both take: text ids, bigint counts and times, 0/1
 * flags, bytea bytes. A migration that was released is never edited: changes are further migrations.
 *
 * Rows that other rows point to are removed last; the references below make sure of it. Jobs and loose blobs refer to
 * nothing on purpose: they outlive what they clean up.
 */
export const initial = `
create table accounts (
  id text not null primary key,
  user_name bytea not null,
  email bytea,
  tier text not null,
  created bigint not null,
  deleted bigint
);

create table api_keys (
  id text not null primary key,
  account_id text not null references accounts (id),
  purpose text not null,
  slot text not null,
  lookup text not null,
  secret bytea not null,
  created bigint not null
);
create unique index api_keys_lookup on api_keys (lookup);
create unique index api_keys_slot on api_keys (account_id, purpose, slot);

create table projects (
  id text not null primary key,
  account_id text not null references accounts (id),
  name bytea not null,
  name_lookup text not null,
  description bytea not null,
  domain_id text not null,
  classification_type text,
  target_export_platforms text not null,
  created bigint not null,
  modified bigint not null,
  iteration_count bigint not null,
  deleted bigint
);
create index projects_account on projects (account_id, created, id);
create unique index projects_name on projects (account_id, name_lookup) where deleted is null;

create table tags (
  id text not null primary key,
  project_id text not null references projects (id),
  name bytea not null,
  name_lookup text not null,
  description bytea,
  type text not null,
  created bigint not null,
  workspace bigint not null
);
create index tags_project on tags (project_id, workspace, created, id);
create unique index tags_name on tags (project_id, name_lookup) where workspace = 1;

create table images (
  id text not null primary key,
  project_id text not null references projects (id),
  created bigint not null,
  width bigint not null,
  height bigint not null,
  format text not null,
  bytes bigint not null,
  digest text not null,
  metadata bytea,
  workspace bigint not null,
  features bigint not null
);
create index images_project on images (project_id, workspace, created, id);
create index images_features on images (project_id, created, id) where features = 0;
create unique index images_digest on images (project_id, digest) where workspace = 1;

create table image_features (
  image_id text not null primary key references images (id),
  project_id text not null references projects (id),
  recipe text not null,
  features bytea not null
);
create index image_features_project on image_features (project_id, recipe);

create table image_tags (
  image_id text not null references images (id),
  tag_id text not null references tags (id),
  project_id text not null references projects (id),
  created bigint not null,
  primary key (image_id, tag_id)
);
create index image_tags_tag on image_tags (tag_id, image_id);
create index image_tags_project on image_tags (project_id);

create table regions (
  id text not null primary key,
  project_id text not null references projects (id),
  image_id text not null references images (id),
  tag_id text not null references tags (id),
  box bytea not null,
  created bigint not null
);
create index regions_image on regions (image_id, created, id);
create index regions_tag on regions (tag_id, image_id);
create index regions_project on regions (project_id);

create table iterations (
  id text not null primary key,
  project_id text not null references projects (id),
  name bytea not null,
  name_lookup text not null,
  status text not null,
  created bigint not null,
  modified bigint not null,
  trained_at bigint,
  domain_id text not null,
  classification_type text,
  training_type text not null,
  reserved_budget_hours bigint not null,
  training_minutes bigint not null,
  training_set text not null,
  publish_name bytea,
  publish_lookup text,
  publish_resource bytea,
  error bytea
);
create index iterations_project on iterations (project_id, created, id);
create unique index iterations_publish on iterations (project_id, publish_lookup) where publish_lookup is not null;

create table iteration_tags (
  iteration_id text not null references iterations (id),
  tag_id text not null references tags (id),
  project_id text not null references projects (id),
  position bigint not null,
  image_count bigint not null,
  primary key (iteration_id, tag_id)
);
create index iteration_tags_tag on iteration_tags (tag_id, iteration_id);
create index iteration_tags_project on iteration_tags (project_id);

create table iteration_images (
  iteration_id text not null references iterations (id),
  image_id text not null references images (id),
  project_id text not null references projects (id),
  tag_ids text not null,
  fold bigint not null,
  scores bytea,
  primary key (iteration_id, image_id)
);
create index iteration_images_image on iteration_images (image_id, iteration_id);
create index iteration_images_project on iteration_images (project_id);

create table predictions (
  id text not null primary key,
  project_id text not null references projects (id),
  iteration_id text not null,
  created bigint not null,
  application bytea,
  results bytea not null,
  width bigint not null,
  height bigint not null,
  format text not null,
  bytes bigint not null
);
create index predictions_project on predictions (project_id, created, id);
create index predictions_iteration on predictions (iteration_id, created, id);

create table exports (
  id text not null primary key,
  project_id text not null references projects (id),
  iteration_id text not null references iterations (id),
  platform text not null,
  flavor text,
  status text not null,
  created bigint not null,
  modified bigint not null,
  bytes bigint not null
);
create index exports_iteration on exports (iteration_id, created, id);
create index exports_project on exports (project_id);

create table jobs (
  id text not null primary key,
  account_id text not null,
  project_id text,
  name text not null,
  payload text not null,
  state text not null,
  once text,
  attempts bigint not null,
  run_at bigint not null,
  lease_until bigint,
  lease_holder text,
  cancel_requested bigint not null,
  progress double precision not null,
  error text,
  created bigint not null,
  modified bigint not null
);
create index jobs_state on jobs (state, run_at, id);
create index jobs_project on jobs (project_id);
create index jobs_account on jobs (account_id);
create unique index jobs_once on jobs (once) where state = 'waiting';

create table loose_blobs (
  key text not null primary key,
  project_id text not null,
  sweep_after bigint not null
);
create index loose_blobs_sweep on loose_blobs (sweep_after);
create index loose_blobs_project on loose_blobs (project_id);
`;
