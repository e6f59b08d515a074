/** Finds what in the trash is past its own time without reading the rest of the trash. */
export const trashEnds = `
create index trash_rows_predictions on trash_rows (project_id, json_extract(row, '$.created')) where kind = 'predictions';
create index trash_rows_exports on trash_rows (project_id, json_extract(row, '$.modified')) where kind = 'exports';
`;
