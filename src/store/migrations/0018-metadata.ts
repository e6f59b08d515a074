/** Marks by which images are found by their metadata (`store/metadata.ts`); those of rows from before are made when first needed. */
export const metadata = `
alter table images add column metadata_lookup text;
create index images_unmarked on images (project_id) where metadata is not null and metadata_lookup is null;
`;
