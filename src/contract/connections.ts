import { int32, model, nullable, text } from './schema.ts';

/** Where a project's exported models and messages go. */
export const Connections = model('Connections', {
  exportModelContainerUri: nullable(text({ description: 'Exported models are put below it; null: nowhere.' })),
  notificationQueueUri: nullable(text({ description: 'Told when a training or export ends; null: nobody is.' })),
  secret: nullable(
    text({ description: 'The key of the HMAC-SHA-256 of each message, in the header Ownsight-Signature.' }),
  ),
  undelivered: int32({
    description: 'How many messages could not be delivered in the last 30 days, after five tries.',
  }),
});
