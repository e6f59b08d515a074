/** What was marked in the pictures an iteration learned from, as it was when its training was asked for. */
export const learnedRegions = `
alter table iteration_images add column regions bytea;
`;
