/** Where a project's exported models go, and its messages; null: nowhere. */
export const connections = `
alter table projects add column export_container bytea;
alter table projects add column notification_queue bytea;
`;
