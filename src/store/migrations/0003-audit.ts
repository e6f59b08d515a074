/**
 * The owner's log of what was done with the account, entry linked to entry by hashes, and where each account's ends.
 */
export const audit = `
create table audit (
  id text not null primary key,
  account_id text not null references accounts (id),
  number bigint not null,
  created bigint not null,
  action text not null,
  project_id text,
  subject_id text,
  detail bytea,
  previous text not null,
  hash text not null
);
create unique index audit_number on audit (account_id, number);

create table audit_heads (
  account_id text not null primary key references accounts (id),
  head bytea not null
);
`;
