import { readFileSync } from 'node:fs';

/** How a server is started under strace: it stays the direct child, and is held up only at the calls that are asked for. */
export const tracing = (log: string, calls: string): string[] => [
  'strace',
  '-D',
  '-f',
  '-qq',
  '--seccomp-bpf',
  '-s',
  '4096',
  '-o',
  log,
  '-e',
  `trace=${calls}`,
];

/** The calls that make, change, rename or remove a path. */
export const writing =
  'openat,open,openat2,creat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,truncate,mknod,mknodat';

/** Every path that a traced process opened for writing, made, renamed or removed, whether that succeeded or not. */
export function writtenPaths(log: string): string[] {
  const paths = new Set<string>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, call, rest] = /^\d+ +(\w+)\((.*)$/.exec(line) ?? [];
    if (call === undefined || rest === undefined) continue;
    if (call.startsWith('open') && !/O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND/.test(rest)) continue;
    for (const [, path] of rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)) paths.add(path!);
  }
  return [...paths];
}

/** The addresses that a traced process sent anything to, as `address:port`; what is not the internet is left out. */
export function reached(log: string): string[] {
  const addresses = new Set<string>();
  for (const line of readFileSync(log, 'utf8').split('\n')) {
    const [, call] = /^\d+ +(\w+)\(/.exec(line) ?? [];
    if (call !== 'connect' && call !== 'sendto' && call !== 'sendmsg' && call !== 'sendmmsg') continue;
    for (const [, port, address] of line.matchAll(
      /sin6?_port=htons\((\d+)\).*?inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]+)"/g,
    ))
      addresses.add(`${address}:${port}`);
  }
  return [...addresses];
}
