import { id, int53, listOf, model, nullable, oneOf, optional, text } from './schema.ts';

/** A language that what is held can be told in. */
export const Language = oneOf(['en', 'pt-BR', 'it'], {
  description: 'The language of the explanations; that of Accept-Language when absent, else English.',
});

const amount = {
  count: int53(),
  bytes: int53({ description: 'As they lie there, ciphertext and all.' }),
};

/** One kind of thing that is held. */
export const HeldKind = model('HeldKind', {
  kind: text(),
  what: text({ description: 'What it is, in plain words.' }),
  why: text({ description: 'What it is kept for.' }),
  kept: text({ description: 'How long it is kept.' }),
  class: oneOf(['content', 'derived', 'secret', 'record'], {
    description:
      'You gave it; it was computed from what you gave; it opens doors; it is when, how many, in which state.',
  }),
  ...amount,
  deleted: int53({ description: 'How many of them are deleted, but kept by iterations or about to be removed.' }),
  place: oneOf(['database', 'files']),
  location: text({ description: 'Below the data directory of the server.' }),
  key: nullable(
    oneOf(['account', 'project'], { description: 'The key that seals it; null: it is ids, numbers and times only.' }),
  ),
  shownBy: listOf(text(), { description: 'Operations of any of the APIs.' }),
  exportedBy: listOf(text(), { description: 'Operations that hand it out in an archive.' }),
  deletedBy: listOf(text()),
});

/** A project among what is held. */
export const HeldProject = model('HeldProject', { id: id(), name: text(), ...amount });

/** Everything held for an account. */
export const Inventory = model('Inventory', {
  language: Language,
  tier: text({ description: 'The pricing tier whose limits the account is held to; `Unlimited`: none.' }),
  kinds: listOf(HeldKind),
  total: model('HeldAmount', amount),
  projects: listOf(HeldProject),
  beingRemoved: optional(
    model('HeldAmount', amount, {
      description: 'Of the total: what belongs to deleted projects and is being removed.',
    }),
  ),
});

/** Everything held for a project. */
export const ProjectInventory = model('ProjectInventory', {
  language: Language,
  id: id(),
  name: text(),
  kinds: listOf(HeldKind),
  total: model('HeldAmount', amount),
});
