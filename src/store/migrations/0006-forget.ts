/** Iterations are trained anew in place, without images they are to forget. */
export const forget = `
alter table iterations add column model_id text;
alter table iterations add column rebuild text;
alter table iterations add column remake_exports integer not null default 0;
alter table iteration_images add column forgetting integer not null default 0;
create index iteration_images_forgetting on iteration_images (image_id) where forgetting = 1;
alter table erasures add column rebuilds text;
alter table erasures add column rebuilt text not null default '[]';
`;
