/** How long each project keeps stored predictions and exports; a project without a row keeps them by the defaults. */
export const retention = `
create table retention (
  project_id text not null primary key references projects (id),
  predictions_days bigint not null,
  exports_days bigint
);
`;
