import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { test } from 'node:test';
import { root } from './fixtures/server.ts';

/** What each layer may import, beside itself. `app`, `main` and `config` are single files. */
const mayImport: Readonly<Record<string, string>> = {
  base: '',
  config: 'base',
  domain: 'base',
  contract: 'base domain',
  vision: 'base',
  store: 'base domain',
  queue: 'base domain store',
  services: 'base config domain vision store queue',
  jobs: 'base config domain vision store queue services',
  http: 'base config domain contract services',
  app: 'base config domain vision store queue services jobs http',
  cli: 'base config domain contract vision store queue services jobs http app',
  main: 'cli',
};

/** The one file or folder of each third-party package. */
const homeOf: Readonly<Record<string, string>> = {
  'better-sqlite3': 'src/store/database-sqlite.ts',
  commander: 'src/cli/',
  'fast-bmp': 'src/vision/image/',
  fastify: 'src/http/',
  '@fastify/swagger': 'src/http/',
  '@fastify/swagger-ui': 'src/http/',
  jose: 'src/base/jws.ts',
  kysely: 'src/store/',
  'onnxruntime-node': 'src/vision/runtime/',
  pino: 'src/base/',
  sharp: 'src/vision/image/decode.ts',
  typebox: 'src/contract/',
  yauzl: 'src/base/',
};

/** Where what makes a run unrepeatable is allowed. */
const onlyIn: readonly (readonly [pattern: RegExp, home: string, remedy: string])[] = [
  // What a library reads from there may be set.
  [/\bprocess\.env\b(?!\.ORT_)/, 'src/config.ts', 'take the value from Config'],
  [/\bDate\.now\(|\bnew Date\(\)/, 'src/base/clock.ts', 'pass a Clock in'],
  [/\bMath\.random\(/, 'src/base/random.ts', 'pass a seeded generator in, or take node:crypto for secrets'],
];

const sources = globSync('src/**/*.ts', { cwd: root })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => !path.endsWith('.test.ts'))
  .map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
    const found = [
      ...code.matchAll(/^(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\('([^']+)'\)/gm),
    ];
    const imports = found.map((match) => (match[2] ?? match[3])!);
    const loaded = found.filter((match) => match[1] === undefined).map((match) => (match[2] ?? match[3])!);
    return { path, text, code, imports, loaded };
  });

const layerOf = (path: string): string =>
  path
    .replace(/^src\//, '')
    .replace(/\.ts$/, '')
    .split('/')[0]!;
const fileOf = (from: string, specifier: string): string => posix.join(dirname(from), specifier);
const none = (faults: readonly string[]): void => assert.deepEqual(faults, [], `\n${faults.join('\n')}\n`);

test('a layer imports only what lies below it', () => {
  none(
    sources.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => layerOf(fileOf(path, specifier)))
        .filter((layer) => layer !== layerOf(path) && !(mayImport[layerOf(path)] ?? '').split(' ').includes(layer))
        .map(
          (layer) =>
            `${path}: ${layerOf(path)} must not import ${layer}. Move the code down a layer, or pass it in from above.`,
        ),
    ),
  );
});

test('a third-party package lives in one place', () => {
  none(
    sources.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'))
        .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'))
        .filter((name) => homeOf[name] === undefined || !path.startsWith(homeOf[name]))
        .map(
          (name) =>
            `${path}: ${name} belongs in ${homeOf[name] ?? 'no place yet'}. Call what is there, or give it its place in this test.`,
        ),
    ),
  );
});

test('no two folders import each other, nor two files load each other, however long the way round', () => {
  // A layer is one unit; vision, which is large, is as many as it has folders. A file on top of a layer is its own
  // unit.
  const folderOf = (path: string) => /^src\/(vision\/)?[^/]+(?=\/)/.exec(path)?.[0] ?? path;
  none(circles(folderOf, ({ imports }) => imports));
  // Types alone may refer to each other: nothing of them is there at run time.
  none(
    circles(
      (path) => path,
      ({ loaded }) => loaded,
    ),
  );
});

function circles(
  unitOf: (path: string) => string,
  importsOf: (source: (typeof sources)[number]) => string[],
): string[] {
  const edges = new Map<string, Set<string>>();
  for (const source of sources)
    for (const specifier of importsOf(source).filter((name) => name.startsWith('.'))) {
      const [from, to] = [unitOf(source.path), unitOf(fileOf(source.path, specifier))];
      if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
    [...(edges.get(from) ?? [])].some((next) => next === to || (!seen.has(next) && reaches(next, to, seen.add(next))));
  return [...edges.keys()]
    .filter((one) => reaches(one, one))
    .map((one) => `${one}: is in a circle of imports. Move what both sides need below both.`);
}

test('settings, time and chance come in through one door each', () => {
  none(
    onlyIn.flatMap(([pattern, home, remedy]) =>
      sources
        .filter(({ path, code }) => path !== home && pattern.test(code))
        .map(({ path }) => `${path}: ${pattern.source} is for ${home} alone. Instead ${remedy}.`),
    ),
  );
});

/** Schemas by the names and with the meaning of the published Swagger files. */
const documentedElsewhere = 'src/contract/wire.ts';

test('nothing is exported by default, or without a docstring', () => {
  none(
    sources
      .filter(({ path }) => path !== documentedElsewhere)
      .flatMap(({ path, text }) => {
        const lines = text.split('\n');
        return lines.flatMap((line, at) => {
          if (/^export default\b/.test(line)) return [`${path}:${at + 1}: default export. Give it a name.`];
          const name = /^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/.exec(line)?.[1];
          const bare =
            name !== undefined &&
            !lines[at - 1]?.trimEnd().endsWith('*/') &&
            !new RegExp(`^export .*\\b${name}\\b`).test(lines[at - 1] ?? '');
          return bare ? [`${path}:${at + 1}: ${name} has no docstring. Say what it returns or guarantees.`] : [];
        });
      }),
  );
});
