/** The methods of image processing that a project does not want, comma separated; null: it wants all. */
export const settings = `
alter table projects add column augmentation_off text;
`;
