/** Keys with a role, beside the four of each account. */
export const namedKeys = `
create table named_keys (
  id text not null primary key,
  account_id text not null references accounts (id),
  name bytea not null,
  name_lookup text not null,
  role text not null,
  lookup text not null,
  secret bytea not null,
  created bigint not null,
  expires bigint
);
create unique index named_keys_lookup on named_keys (lookup);
create unique index named_keys_name on named_keys (account_id, name_lookup);
`;
