import { id, int53, listOf, model, nullable, text } from './schema.ts';

const backbone = nullable(
  text({
    description: 'A name of `installed`; null: for a project that of its account, for an account the built-in one.',
  }),
);

/** On which network an account or a project learns. */
export const Backbone = model('Backbone', {
  backbone,
  used: text({ description: 'The one that the next training learns on.' }),
  installed: listOf(
    model('InstalledBackbone', {
      name: text(),
      licence: text(),
      bytes: int53(),
      top1: nullable(text({ description: 'How many pictures of ImageNet it names rightly, as published.' })),
    }),
  ),
  missing: listOf(
    model('MissingBackbone', {
      backbone: text(),
      iterationIds: listOf(id()),
      message: text({ description: 'What to do so that these iterations answer.' }),
    }),
    { description: 'What iterations learned on that is not on this server: they cannot answer.' },
  ),
});

/** Another choice. */
export const BackboneUpdate = model('BackboneUpdate', { backbone }, { 'x-problem': 'BadRequest' });
