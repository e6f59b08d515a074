import { type Kysely, sql } from 'kysely';
import type { Queries } from './database.ts';
import { keepTriggers } from './triggers.ts';

/**
 * What makes a page of a million images cost no more than one of ten thousand, kept by triggers inside the very
 * transactions that change what is listed:
 *
 * - `image_lists`: the images of each list by their dates. A list is named `<owner>/<which>`: the owner is a project
 *   (its workspace) or an iteration, `which` is `all` (of a workspace only), `tagged`, `untagged`, or a tag's id.
 * - `image_list_blocks`: each list cut into blocks of some hundred images, with how many each has, so that a deep page is
 *   found by adding up blocks rather than by walking over all that is skipped.
 * - `tag_sets`: how many images carry exactly these tags, and how many of them have a held-out result. There are few sets
 *   beside the images, and every count is a sum over them, also of images that carry any of several tags.
 */

/** A block that grows to this is cut in two. */
export const blockSize = 2048;
/** One that cannot be, because all its images are of one date, is looked at again after so many more. */
const again = 256;

const blockOf = (row: 'new' | 'old'): string =>
  `(select max(start) from image_list_blocks where list = ${row}.list and start <= ${row}.created)`;

/** Splits at the median date; images of one date stay in one block. */
const median = `(select created from image_lists where list = new.list and created >= new.start
  order by created limit 1 offset ${blockSize / 2})`;
const older = `(select count(*) from image_lists where list = new.list and created >= new.start and created < ${median})`;

const blockTriggers: readonly (readonly [name: string, rest: string])[] = [
  [
    'image_lists_insert',
    `after insert on image_lists begin
      insert into image_list_blocks select new.list, ${Number.MIN_SAFE_INTEGER}, 0 where ${blockOf('new')} is null;
      update image_list_blocks set count = count + 1 where list = new.list and start = ${blockOf('new')};
    end`,
  ],
  [
    'image_lists_delete',
    `after delete on image_lists begin
      update image_list_blocks set count = count - 1 where list = old.list and start = ${blockOf('old')};
      delete from image_list_blocks where list = old.list and start = ${blockOf('old')} and count = 0;
    end`,
  ],
  [
    'image_list_blocks_split',
    `after update of count on image_list_blocks when new.count >= ${blockSize} and new.count % ${again} = 0 begin
      insert into image_list_blocks select new.list, ${median}, new.count - ${older} where ${older} > 0;
      update image_list_blocks set count = ${older} where list = new.list and start = new.start and ${older} > 0;
    end`,
  ],
];

/** The tags an image carries, as `tag_sets` has them. */
const tagsOf = (image: string, except = ''): string =>
  `(select json_group_array(tag_id) from (
    select tag_id from image_tags where image_id = ${image} ${except} order by tag_id))`;

const addToSet = (owner: string, tags: string, judged = '0'): string =>
  `insert into tag_sets values (${owner}, ${tags}, 1, ${judged})
    on conflict (owner_id, tag_ids) do update set images = images + 1, judged = judged + excluded.judged;`;
const takeFromSet = (owner: string, tags: string, judged = '0'): string =>
  `update tag_sets set images = images - 1, judged = judged - ${judged} where owner_id = ${owner} and tag_ids = ${tags};
   delete from tag_sets where owner_id = ${owner} and tag_ids = ${tags} and images = 0;`;

const isTagged = (image: string): string => `exists (select 1 from image_tags where image_id = ${image})`;

/** What a workspace's image is in: SQL that selects the names of its lists. */
const workspaceLists = (row: string): string =>
  `select ${row}.project_id || '/all' as list
   union all select ${row}.project_id || case when ${isTagged(`${row}.id`)} then '/tagged' else '/untagged' end
   union all select ${row}.project_id || '/' || tag_id from image_tags where image_id = ${row}.id`;

const show = (row: 'new' | 'old'): string =>
  `insert into image_lists select list, ${row}.created, ${row}.id from (${workspaceLists(row)});
   ${addToSet(`${row}.project_id`, tagsOf(`${row}.id`))}`;
const hide = (row: 'new' | 'old'): string =>
  `delete from image_lists where list in (${workspaceLists(row)}) and created = ${row}.created and image_id = ${row}.id;
   ${takeFromSet(`${row}.project_id`, tagsOf(`${row}.id`))}`;

/** What an iteration's image is in. */
const iterationLists = (row: string): string =>
  `select ${row}.iteration_id || case when ${row}.tag_ids = '[]' then '/untagged' else '/tagged' end as list
   union select ${row}.iteration_id || '/' || value from json_each(${row}.tag_ids)`;
const judged = (row: string): string => `(${row}.scores is not null)`;

const learn = `insert into image_lists select list, images.created, images.id from images, (${iterationLists('new')})
     where images.id = new.image_id;
   ${addToSet('new.iteration_id', 'new.tag_ids', judged('new'))}`;
const forget = `delete from image_lists where list in (${iterationLists('old')}) and image_id = old.image_id
     and created = (select created from images where id = old.image_id);
   ${takeFromSet('old.iteration_id', 'old.tag_ids', judged('old'))}`;

/** A list's entry for the image of a link between image and tag. */
const inList = (row: 'new' | 'old', list: string): string =>
  `(list, created, image_id) in (select ${list}, created, id from images where id = ${row}.image_id)`;
const addLinked = (row: 'new' | 'old', list: string, when = 'true'): string =>
  `insert into image_lists select ${list}, created, id from images where id = ${row}.image_id and ${when};`;
const ofProject = (row: 'new' | 'old', which: string): string => `${row}.project_id || '/' || ${which}`;
const inWorkspace = (row: 'new' | 'old'): string => `(select workspace from images where id = ${row}.image_id) = 1`;

const sourceTriggers: readonly (readonly [name: string, rest: string])[] = [
  ['lists_images_insert', `after insert on images when new.workspace = 1 begin ${show('new')} end`],
  ['lists_images_delete', `after delete on images when old.workspace = 1 begin ${hide('old')} end`],
  [
    'lists_images_shown',
    `after update of workspace on images when old.workspace = 0 and new.workspace = 1 begin ${show('new')} end`,
  ],
  [
    'lists_images_hidden',
    `after update of workspace on images when old.workspace = 1 and new.workspace = 0 begin ${hide('old')} end`,
  ],
  [
    'lists_image_tags_insert',
    `after insert on image_tags when ${inWorkspace('new')} begin
      delete from image_lists where ${inList('new', ofProject('new', "'untagged'"))};
      ${addLinked(
        'new',
        ofProject('new', "'tagged'"),
        'not exists (select 1 from image_tags where image_id = new.image_id and tag_id <> new.tag_id)',
      )}
      ${addLinked('new', ofProject('new', 'new.tag_id'))}
      ${takeFromSet('new.project_id', tagsOf('new.image_id', 'and tag_id <> new.tag_id'))}
      ${addToSet('new.project_id', tagsOf('new.image_id'))}
    end`,
  ],
  [
    'lists_image_tags_delete',
    `after delete on image_tags when ${inWorkspace('old')} begin
      delete from image_lists where ${inList('old', ofProject('old', 'old.tag_id'))};
      delete from image_lists where ${inList('old', ofProject('old', "'tagged'"))} and not ${isTagged('old.image_id')};
      ${addLinked('old', ofProject('old', "'untagged'"), `not ${isTagged('old.image_id')}`)}
      ${takeFromSet(
        'old.project_id',
        `(select json_group_array(tag_id) from (
          select tag_id from image_tags where image_id = old.image_id union select old.tag_id order by tag_id))`,
      )}
      ${addToSet('old.project_id', tagsOf('old.image_id'))}
    end`,
  ],
  ['lists_iteration_images_insert', `after insert on iteration_images begin ${learn} end`],
  ['lists_iteration_images_delete', `after delete on iteration_images begin ${forget} end`],
  [
    'lists_iteration_images_labels',
    `after update of tag_ids on iteration_images when old.tag_ids <> new.tag_ids begin ${forget} ${learn} end`,
  ],
  [
    'lists_iteration_images_judged',
    `after update of scores on iteration_images
      when old.tag_ids = new.tag_ids and (old.scores is null) <> (new.scores is null) begin
      update tag_sets set judged = judged + ${judged('new')} - ${judged('old')}
        where owner_id = new.iteration_id and tag_ids = new.tag_ids;
    end`,
  ],
];

/** What the lists must hold, from the tables they are of: for making them, and for proving them. */
export const listsAnew = {
  image_lists: `
    select lists.list, images.created, images.id as image_id from images,
      (select id, list from (select id, project_id || '/all' as list from images where workspace = 1
        union all select id, project_id || case when ${isTagged('images.id')} then '/tagged' else '/untagged' end
          from images where workspace = 1
        union all select images.id, images.project_id || '/' || tag_id from images, image_tags
          where image_tags.image_id = images.id and workspace = 1
        union all select image_id, iteration_id || case when tag_ids = '[]' then '/untagged' else '/tagged' end
          from iteration_images
        union all select distinct image_id, iteration_id || '/' || value from iteration_images, json_each(tag_ids))) lists
    where images.id = lists.id`,
  tag_sets: `
    select owner_id, tag_ids, count(*) as images, sum(judged) as judged from (
      select project_id as owner_id, ${tagsOf('images.id')} as tag_ids, 0 as judged from images where workspace = 1
      union all select iteration_id, tag_ids, ${judged('iteration_images')} from iteration_images)
    group by owner_id, tag_ids`,
} as const;

/**
 * Makes the triggers that are missing or were made by another version, and the lists anew when there were any; does
 * nothing when all is as it should be. For the start, after the migrations.
 */
export const keepLists = (db: Kysely<unknown>): Promise<void> =>
  keepTriggers(db, new Map([...blockTriggers, ...sourceTriggers]), async (tx) => {
    for (const table of ['image_lists', 'image_list_blocks', 'tag_sets'] as const)
      await sql`delete from ${sql.table(table)}`.execute(tx);
    for (const [table, rows] of Object.entries(listsAnew)) await sql.raw(`insert into ${table} ${rows}`).execute(tx);
  });

/** What tables of lists hold too much of, or too little: table and number of rows. Reads all of them. */
export async function listFaults(db: Queries): Promise<{ table: string; missing: number; extra: number }[]> {
  const compared = {
    image_lists: [listsAnew.image_lists, 'select list, created, image_id from image_lists'],
    image_list_blocks: [
      'select list, count(*) from image_lists group by list',
      'select list, sum(count) from image_list_blocks group by list',
    ],
    tag_sets: [listsAnew.tag_sets, 'select owner_id, tag_ids, images, judged from tag_sets'],
  };
  const faults: { table: string; missing: number; extra: number }[] = [];
  for (const [table, [wanted, held]] of Object.entries(compared) as [string, [string, string]][]) {
    const lacking = async (these: string, those: string): Promise<number> => {
      const text = `select count(*) as n from (select * from (${these}) except select * from (${those}))`;
      return (await sql.raw<{ n: number }>(text).execute(db)).rows[0]!.n;
    };
    const [missing, extra] = [await lacking(wanted, held), await lacking(held, wanted)];
    if (missing + extra > 0) faults.push({ table, missing, extra });
  }
  return faults;
}
