/** Object detection on photographs of blood cells, on a server started as a user starts it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newestClients } from '../fixtures/clients.ts';
import { root, startServer } from '../fixtures/server.ts';
import { type LabelledPicture, tellDetection } from './detection-story.ts';

const cells = join(process.env.OWNSIGHT_SHARED ?? join(root, '../shared'), 'data/bccd');
const skip = existsSync(cells) ? false : 'photographs of blood cells are not here (OWNSIGHT_SHARED)';

test('object detection, told by the newest clients on photographs of blood', { skip }, async (t) => {
  const server = await startServer({ env: { OWNSIGHT_ALLOW_NETWORKS: '127.0.0.0/8' } });
  t.after(() => server.stop());
  await tellDetection(t, {
    clients: newestClients(server),
    learned: photographs('train').slice(0, 60),
    unseen: photographs('test').slice(0, 20),
    averagePrecision: 0.6,
    found: 0.6,
    patience: 3600,
  });
});

/** The photographs of one of the set's lists, with what was marked in them. */
function photographs(list: string): LabelledPicture[] {
  const names = readFileSync(join(cells, `ImageSets/Main/${list}.txt`), 'utf8')
    .trim()
    .split(/\s+/);
  return names.map((name) => {
    const xml = readFileSync(join(cells, `Annotations/${name}.xml`), 'utf8');
    const number = (text: string, of: string): number => Number(new RegExp(`<${of}>(\\d+)`).exec(text)![1]);
    const [width, height] = [number(xml, 'width'), number(xml, 'height')];
    const regions = [...xml.matchAll(/<object>[\s\S]*?<\/object>/g)].map(([text]) => {
      const [left, top] = [number(text, 'xmin') / width, number(text, 'ymin') / height];
      const [right, bottom] = [number(text, 'xmax') / width, number(text, 'ymax') / height];
      return { tag: /<name>(\w+)/.exec(text)![1]!, left, top, width: right - left, height: bottom - top };
    });
    return {
      name: `${name}.jpg`,
      bytes: readFileSync(join(cells, `JPEGImages/${name}.jpg`)),
      regions: regions.filter((one) => one.width > 0 && one.height > 0),
    };
  });
}
