/** What was asked to be erased, and the receipt once it is. Refers to nothing on purpose: it outlives what it tells of. */
export const erasures = `
create table erasures (
  id text not null primary key,
  account_id text not null,
  project_id text,
  kind text not null,
  subjects text not null,
  counts text,
  kept text not null,
  keys_destroyed text not null,
  audit text,
  asked bigint not null,
  invisible bigint not null,
  finished bigint,
  receipt text
);
create index erasures_account on erasures (account_id, asked);
create index erasures_open on erasures (project_id, account_id) where finished is null;
`;
