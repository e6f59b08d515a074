import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from './fixtures/server.ts';

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const manifest = JSON.parse(read('package.json')) as Record<string, Record<string, string | boolean>>;
const locked = (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages;
const libraries = Object.entries(locked).filter(([path]) => path !== '');
const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;

test('the lock file names no registry: it installs from whichever the user has', () => {
  assert.deepEqual(
    libraries.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path),
    [],
  );
  assert.doesNotMatch(read('package-lock.json'), /https?:\/\/registry/);
  assert.deepEqual(
    libraries.filter(([, entry]) => entry.integrity === undefined).map(([path]) => path),
    [],
  );
});

test('every version is exact', () => {
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies'])
    for (const [name, version] of Object.entries(manifest[kind] ?? {}))
      assert.match(String(version).replace(/^npm:.*@/, ''), exact, name);
  for (const [path, entry] of libraries) assert.match(entry.version ?? '', exact, path);
});

test('the lock file is complete for every platform, so that `npm ci` takes it', () => {
  const missing = libraries.flatMap(([path, entry]) =>
    Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }).filter((name) => {
      for (let base = path; ; base = base.slice(0, base.lastIndexOf('/node_modules/'))) {
        if (locked[`${base}/node_modules/${name}`] !== undefined) return false;
        if (!base.includes('/node_modules/')) return locked[`node_modules/${name}`] === undefined;
      }
    }),
  );
  assert.deepEqual(missing, [], 'choose a version of the package that needs them whose parts are all in the registry');
});

test('no library runs a script when it is installed', () => {
  assert.match(read('.npmrc'), /^ignore-scripts=true$/m);
  const withScript = libraries
    .filter(([, entry]) => entry.hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  for (const name of withScript)
    assert.equal(manifest.allowScripts?.[name], false, `${name}: say false in allowScripts of package.json`);
  assert.ok(Object.values(manifest.allowScripts ?? {}).every((allowed) => allowed === false));
});
