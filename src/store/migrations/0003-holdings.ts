/** How many rows and blobs each project and account has, and how large the blobs are whose size no row told. */
export const holdings = `
alter table images add column thumbnail_bytes bigint not null default 0;
alter table predictions add column thumbnail_bytes bigint not null default 0;
alter table iterations add column model_bytes bigint not null default 0;

create table holdings (
  scope_id text not null,
  account_id text not null,
  kind text not null,
  count bigint not null,
  bytes bigint not null,
  deleted bigint not null,
  primary key (scope_id, kind)
);
create index holdings_account on holdings (account_id);
`;
