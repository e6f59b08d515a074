/** Images in the order of their dates for each way of listing them, and counts: see `lists.ts`. */
export const lists = `
create table image_lists (
  list text not null,
  created bigint not null,
  image_id text not null,
  primary key (list, created, image_id)
) without rowid;

create table image_list_blocks (
  list text not null,
  start bigint not null,
  count bigint not null,
  primary key (list, start)
) without rowid;

create table tag_sets (
  owner_id text not null,
  tag_ids text not null,
  images bigint not null,
  judged bigint not null,
  primary key (owner_id, tag_ids)
) without rowid;
`;
