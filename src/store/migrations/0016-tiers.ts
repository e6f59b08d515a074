/**
 * Until now the tier of an account was a word without a meaning; from now on it bounds what the account may
 * have. How many predictions it has made in a month, where its tier bounds them.
 */
export const tiers = `
update accounts set tier = 'Unlimited';

create table monthly_predictions (
  account_id text not null primary key references accounts (id),
  month text not null,
  count bigint not null
);
`;
