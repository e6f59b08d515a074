import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { ImageCreateStatus, MetadataResult } from '../../src/domain/image.ts';
import { limits } from '../../src/domain/limits.ts';
import { tiers } from '../../src/domain/tier.ts';
import { root } from '../fixtures/server.ts';
import { onFreeAccount } from './raising.ts';
import type { Json, ProjectKind, World } from './world.ts';

/** Brings a status about and says which it was. */
type Bring = (world: World) => Promise<string>;

const unknown = '0f0f0f0f-1111-4222-8333-444444444444';

/** Sends one picture to a new project. */
const sent =
  (
    entry: (subject: { readonly tagIds: readonly string[] }, world: World) => object | Promise<object>,
    { kind = 'classification', version = '3.4-preview' }: { kind?: ProjectKind; version?: string } = {},
  ): Bring =>
  async (world) => {
    const subject = await world.fresh(kind);
    const images = [await entry(subject, world)].map((one) => ({ contents: base64(world.picture()), ...one }));
    const { text } = await world.ask(`/customvision/v${version}/training/projects/${subject.projectId}/images/files`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ images }),
    });
    return JSON.parse(text).images[0].status;
  };
const uploaded = async ({ hub }: World, projectId: string, image: object): Promise<string> =>
  (await hub('POST', `projects/${projectId}/images/files`, { images: [image] })).images[0].status;
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const oversized = async (): Promise<Buffer> => {
  const create = { width: limits.imageSide + 1, height: 1, channels: 3, background: 'white' } as const;
  return sharp({ create }).png().toBuffer();
};
/** For what takes a full disk or five thousand pictures: it is the subject of another test. */
const elsewhere =
  (status: string, file: string): Bring =>
  async () =>
    readFileSync(join(root, file), 'utf8').includes(`'${status}'`) ? status : `nothing in ${file}`;

/** How each status of an image of a batch comes about. Total: one without a way to it does not compile. */
export const imageStatuses: Readonly<Record<ImageCreateStatus, Bring>> = {
  OK: sent(() => ({})),
  OKDuplicate: async (world) => {
    const { projectId } = await world.fresh('classification');
    const image = { contents: base64(world.picture()) };
    await uploaded(world, projectId, image);
    return uploaded(world, projectId, image);
  },
  ErrorSource: async ({ hub, trained }) => {
    const images = [{ url: 'file:///etc/passwd' }];
    return (await hub('POST', `projects/${trained.projectId}/images/urls`, { images })).images[0].status;
  },
  ErrorImageFormat: sent(() => ({ contents: base64(Buffer.from('no picture')) })),
  ErrorImageSize: sent((_, world) => ({
    contents: base64(Buffer.concat([world.picture(), Buffer.alloc(limits.trainingImageBytes)])),
  })),
  ErrorImageDimensions: sent(async () => ({ contents: base64(await oversized()) })),
  ErrorStorage: elsewhere('ErrorStorage', 'test/accidents/disk-full.test.ts'),
  ErrorLimitExceed: elsewhere('ErrorLimitExceed', 'src/services/tiers.test.ts'),
  ErrorTagLimitExceed: async (world) => {
    const { projectId, tagIds } = await world.fresh('classification');
    await world.hub('PATCH', `projects/${projectId}`, { settings: { classificationType: 'Multiclass' } });
    return uploaded(world, projectId, { contents: base64(world.picture()), tagIds });
  },
  ErrorRegionLimitExceed: (world) =>
    onFreeAccount(world, async ({ key }) => {
      const hub = async (path: string, json?: object): Promise<Json> => {
        const { text } = await world.ask(`/customvision/v3.4-preview/training/${path}`, {
          method: 'POST',
          headers: { 'Training-Key': key, 'content-type': 'application/json' },
          ...(json !== undefined && { body: JSON.stringify(json) }),
        });
        return JSON.parse(text);
      };
      const { id } = await hub('projects?name=boxes&domainId=da2e3a8a-40a5-4171-82f4-58522f70fbc1');
      const tag = await hub(`projects/${id}/tags?name=box`);
      const box = { tagId: tag.id, left: 0, top: 0, width: 0.5, height: 0.5 };
      const regions = Array.from({ length: tiers.F0.regionsPerImage + 1 }, () => box);
      const images = [{ contents: base64(world.picture()), regions }];
      return (await hub(`projects/${id}/images/files`, { images })).images[0].status;
    }),
  ErrorNegativeAndRegularTagOnSameImage: async (world) => {
    const { projectId, tagIds } = await world.fresh('classification');
    const negative = await world.hub('POST', `projects/${projectId}/tags?name=none&type=Negative`);
    return uploaded(world, projectId, { contents: base64(world.picture()), tagIds: [tagIds[0], negative.id] });
  },
  ErrorInvalidTag: sent(() => ({ tagIds: [unknown] })),
  // What versions before 3.4 call an unknown tag.
  ErrorUnknown: sent(() => ({ tagIds: [unknown] }), { version: '3.3' }),
};

/** Gives an image of the trained project metadata. */
const described = async ({ hub, trained }: World, imageId: string, pairs: number): Promise<string> => {
  const metadata = Object.fromEntries(Array.from({ length: pairs }, (_, n) => [`key ${n}`, 'value']));
  return (await hub('POST', `projects/${trained.projectId}/images/metadata?imageIds=${imageId}`, metadata)).images[0]
    .status;
};

/** How each status of an image whose metadata is changed comes about. `ErrorUnknown` does not: such a request is refused. */
export const metadataStatuses: Readonly<Record<MetadataResult['status'], Bring>> = {
  OK: (world) => described(world, world.trained.imageIds[0]!, 1),
  ErrorImageNotFound: (world) => described(world, unknown, 1),
  ErrorLimitExceed: (world) => described(world, world.trained.imageIds[1]!, limits.metadataPairs + 1),
};
