/** Which backups of the data there are and until when, for receipts: by random ids and times, never where they lie. */
export const backups = `
create table backups (
  id text not null primary key,
  made bigint not null,
  until bigint not null
);
`;
