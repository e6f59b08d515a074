import type { Arranged } from './arrange.ts';
import { type PublishedOperation, type PublishedVersion, type Recording, recordings } from './published.ts';
import { send } from './send.ts';
import { exampleRequest } from './values.ts';
import type { World } from './world.ts';

/** Recorded answers that are not asked for, and why. */
const passedOver: ReadonlyMap<string, string> = new Map([
  ['GET .../iterations/{it} (late in training)', 'a moment that nobody can wait for'],
]);
/** Values that are not repeated, and why. */
const otherwise: ReadonlyMap<string, string> = new Map([['platform', 'models are exported as ONNX only']]);
/** Null in a recording because of the state of things there; here things are in another. */
const ofState = new Set(['thumbnailUri', 'publishName', 'originalPublishResourceId', 'exportableTo']);

/** A recording, with the operation it is of. */
export interface RecordedCall {
  readonly recording: Recording;
  readonly operation: PublishedOperation;
  /** What was sent, in the form of a published example. */
  readonly example: Readonly<Record<string, unknown>>;
}

/** Every recorded call. @throws Error when one is of no published operation. */
export function recordedCalls(versions: readonly PublishedVersion[]): RecordedCall[] {
  let version = '';
  return recordings().flatMap((recording) => {
    const { src, req } = recording;
    version = /\/v(\d[^/]*)\//.exec(req)?.[1] ?? /\(v(.+)\)/.exec(src)?.[1] ?? version;
    if (passedOver.has(req)) return [];
    const [, method, whole] = /^(\w+) ((?:<[^>]*>|\S)+)/.exec(req) as unknown as [string, string, string];
    const [path = '', search = ''] = whole.split('?');
    const place = path.replace(/^\.\.\./, '/projects/{projectId}');
    const operation = versions
      .filter((one) => one.version === version)
      .flatMap((one) => one.operations)
      .find((one) => one.method === method && isAt(one.path, place));
    if (operation === undefined) throw new Error(`expected a published operation for ${req} of ${version}`);
    const query = [...new URLSearchParams(search)].filter(([name]) => !otherwise.has(name));
    const body = operation.parameters.find((one) => one.in === 'body');
    const sent = body === undefined ? {} : { [body.name]: recording.reqBody };
    return [{ recording, operation, example: { ...Object.fromEntries(query), ...sent } }];
  });
}

/** Whether a recorded path, which may begin below the API's root, is of an operation: what is in braces is any part. */
function isAt(published: string, recorded: string): boolean {
  const below = published.replace(/^(\/[^/]+){3}/, '');
  const parts = (recorded.startsWith('/customvision') ? published : below).toLowerCase().split('/');
  const given = recorded.toLowerCase().split('/');
  return parts.length === given.length && parts.every((part, at) => part === given[at] || part.startsWith('{'));
}

/** How our answer to a recorded call differs from what was recorded: keys, their order, nulls, dates, status. */
export async function differencesOf(
  { recording, operation, example }: RecordedCall,
  world: World,
  arranged: Arranged,
): Promise<string[]> {
  const { subject, own = {} } = arranged;
  const place = { world, subject, own, version: operation.version };
  const answer = await send(world, exampleRequest(operation, example, place));
  const body: unknown = answer.text === '' ? undefined : JSON.parse(answer.text);
  if (answer.status < 300) await arranged.after?.(body);
  const found = recording.body === undefined ? [] : [...differences(recording.body, body, '')];
  if (answer.status !== recording.status) found.unshift(`${answer.status} ${answer.text}`);
  return found.map((difference) => `${recording.req} (${operation.version.version}): ${difference}`);
}

function* differences(recorded: unknown, ours: unknown, path: string): Generator<string> {
  const name = path.split('.').at(-1)!;
  const unlike = `${path}: ${JSON.stringify(ours)} where ${JSON.stringify(recorded)} was recorded`;
  if (recorded === null || ours === null) {
    if (recorded !== ours && !(recorded === null && ofState.has(name))) yield unlike;
  } else if (Array.isArray(recorded)) {
    if (!Array.isArray(ours) || (recorded.length > 0 && ours.length === 0 && !ofState.has(name))) yield unlike;
    else if (recorded.length > 0 && ours.length > 0) yield* differences(recorded[0], ours[0], `${path}[]`);
  } else if (typeof recorded === 'object') {
    const keys = Object.keys(recorded).join();
    if (Object.keys(ours as object).join() !== keys)
      yield `${path}: ${Object.keys(ours as object)} where ${keys} was recorded`;
    else
      for (const [key, part] of Object.entries(recorded))
        yield* differences(part, (ours as Record<string, unknown>)[key], `${path}.${key}`);
  } else if (kindOf(recorded) !== kindOf(ours)) yield unlike;
}

/** What kind of value something is; of a date, how it is written. The recorder cut zeros at the end of milliseconds. */
function kindOf(value: unknown): string {
  const [, digits, zone] = (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:]{8}\.(\d+)(Z?)$/.exec(value)) || [];
  if (digits !== undefined) return `a date of ${digits.length <= 3 ? 3 : digits.length} digits${zone}`;
  return typeof value;
}
