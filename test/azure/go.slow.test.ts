/** Both stories, told by Microsoft's clients for Go as Debian packs them: training 2.0 to 3.4-preview, prediction 2.0 to 3.1. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { unpackDebian } from '../fixtures/debian.ts';
import { tellByProgram } from './programs/program.ts';

const code = './usr/share/gocode/src/github.com';
const needed = ['azure-go-autorest', 'gofrs-uuid', 'dimchansky-utfbom', 'golang-jwt-jwt', 'mitchellh-go-homedir'];
/** That of Debian 12. */
const version = '1.19';

test('classification and object detection, told in Go', { timeout: 1_800_000 }, async (t) => {
  const root = unpackDebian(t, {
    [`golang-${version}-go`]: ['./usr'],
    [`golang-${version}-src`]: ['./usr'],
    'golang-github-azure-azure-sdk-for-go-dev': ['version', 'services/*cognitiveservices/*/customvision'].map(
      (path) => `${code}/Azure/azure-sdk-for-go/${path}`,
    ),
    'golang-golang-x-crypto-dev': ['./usr/share/gocode'],
    ...Object.fromEntries(needed.map((name) => [`golang-github-${name}-dev`, ['./usr/share/gocode']])),
  });
  if (root === undefined) return;
  const goroot = join(root, `usr/lib/go-${version}`);
  const program = join(root, 'story');
  execFileSync(join(goroot, 'bin/go'), ['build', '-o', program, join(import.meta.dirname, 'programs/story.go')], {
    env: {
      PATH: process.env.PATH,
      GOROOT: goroot,
      GOPATH: join(root, 'usr/share/gocode'),
      GOCACHE: join(root, 'cache'),
      GO111MODULE: 'off',
      CGO_ENABLED: '0',
    },
  });
  await tellByProgram(t, { command: program, args: [] });
});
