/** What was erased, by its ids, until it stands in the list beside the keys; the first row tells which list. */
export const erased = `
create table erased (
  seq integer not null primary key,
  kind text not null,
  row_id text not null
);
insert into erased (seq, kind, row_id) values (1, 'began', lower(hex(randomblob(16))));
`;
