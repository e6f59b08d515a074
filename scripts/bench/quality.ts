import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtIn, pullable } from '../../src/vision/backbone/registry.ts';
import { shared, withoutClothing } from '../../test/fixtures/clothing.ts';
import type { Row } from './compare.ts';
import { startSide } from './side.ts';
import type { Told } from './sides/clothing.ts';

/** On the pictures never shown: what scikit-learn's logistic regression reaches on the features of these backbones, %. */
const goals: Readonly<Record<string, number>> = { [builtIn.name]: 65.8, [pullable[0]!.name]: 85.8 };

/** How well photographs of clothing are told apart, on each backbone as it is: accuracy, no time. */
export async function clothingRows(): Promise<Row[]> {
  const rows: Row[] = [];
  const modelsFolder = mkdtempSync(join(tmpdir(), 'ownsight-models-'));
  try {
    const file = join(shared, 'models/tf2_mobilenet_v2_1.0_224_ptq.tflite');
    if (existsSync(file)) copyFileSync(file, join(modelsFolder, pullable[0]!.file));
    const side = await startSide('clothing', { modelsFolder });
    for (const [backbone, goal] of Object.entries(goals)) {
      const name = `accuracy on clothing never shown, ${backbone}`;
      const lacks = withoutClothing || (backbone !== builtIn.name && !existsSync(file) && `needs ${file}`);
      if (lacks) {
        rows.push({ name, ours: '', peer: '', result: lacks, goal: '', ok: true, noise: undefined });
        continue;
      }
      const { heldOut, unseen } = await side.round<Told>({ backbone });
      const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
      rows.push({
        name,
        ours: `${percent(unseen)}, held out ${percent(heldOut)}`,
        peer: `${goal} %`,
        result: percent(unseen),
        goal: `>= ${goal} %`,
        ok: 100 * unseen >= goal,
        noise: undefined,
      });
    }
    await side.stop();
  } finally {
    rmSync(modelsFolder, { recursive: true });
  }
  return rows;
}
