/** How often each exported model was downloaded, and when last: what was taken out cannot be taken back, but be told. */
export const downloads = `
alter table exports add column downloads bigint not null default 0;
alter table exports add column downloaded bigint;
`;
