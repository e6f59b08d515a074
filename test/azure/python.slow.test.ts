/** Both stories, told by Microsoft's clients for Python as Debian packs them: training and prediction 3.1.0. */
import { join } from 'node:path';
import { test } from 'node:test';
import { unpackDebian } from '../fixtures/debian.ts';
import { tellByProgram } from './programs/program.ts';

const modules = './usr/lib/python3/dist-packages';
const needed = [
  'msrest',
  'isodate',
  'requests',
  'requests-oauthlib',
  'oauthlib',
  'certifi',
  'chardet',
  'idna',
  'urllib3',
  'six',
];

test('classification and object detection, told in Python', { timeout: 600_000 }, async (t) => {
  const root = unpackDebian(t, {
    'python3-azure': ['azure/__init__.py', 'azure/common', 'azure/cognitiveservices/vision/customvision'].map(
      (path) => `${modules}/${path}`,
    ),
    ...Object.fromEntries(needed.map((name) => [`python3-${name}`, [modules]])),
  });
  if (root === undefined) return;
  await tellByProgram(t, {
    command: 'python3',
    args: [join(import.meta.dirname, 'programs/story.py')],
    env: { PYTHONPATH: join(root, modules), PYTHONDONTWRITEBYTECODE: '1' },
  });
});
