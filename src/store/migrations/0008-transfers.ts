/** Archives that are being taken out, with what was sent of each; and archives that were or are being put back. */
export const transfers = `
create table takeouts (
  id text not null primary key,
  account_id text not null references accounts (id),
  project_id text,
  format text not null,
  created bigint not null,
  until bigint not null,
  used bigint not null,
  log text not null,
  bytes bigint not null,
  sent bigint not null,
  missing bigint not null,
  state text not null
);
create index takeouts_account on takeouts (account_id, created);

create table takeout_entries (
  takeout_id text not null references takeouts (id),
  number bigint not null,
  account_id text not null references accounts (id),
  entries bytea not null,
  primary key (takeout_id, number)
);
create index takeout_entries_account on takeout_entries (account_id);

create table restores (
  id text not null primary key,
  account_id text not null references accounts (id),
  project_id text,
  holder text not null,
  state text not null,
  created bigint not null,
  lease bigint not null,
  result bytea
);
create index restores_account on restores (account_id, created);
`;
