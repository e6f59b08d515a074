import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Command } from 'commander';
import { openArchive } from '../base/archive.ts';
import { AppError, expected } from '../base/errors.ts';
import type { PublicJwk } from '../base/jws.ts';
import { fileSource } from '../base/source.ts';
import { type AuditHead, type AuditLink, chainFaults } from '../domain/audit.ts';
import { listAccounts } from '../services/accounts.ts';
import { verifyAudit } from '../services/audit.ts';
import { receiptKey, verifyReceipt } from '../services/receipts.ts';
import { auditPath } from '../services/takeout/layout.ts';
import { accountId } from './which-account.ts';
import { withApp } from './with-app.ts';

/** `ownsight verify`: whether a receipt or an audit log is as it was written. Exit code 2 when it is not. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check that a receipt or an audit log is as it was written')
    .argument(
      '[file]',
      'a receipt, what "ownsight audit --json" wrote, or an archive, whose log is checked; "-" reads it from the input',
    )
    .option('--key <file>', 'the public key of the server that signed the receipt; default: the key of this server')
    .option('--audit [account]', 'the log of an account of this server, by its id or name; alone: of every account')
    .action(async (file: string | undefined, options: { audit?: string | true; key?: string }) => {
      if ((file === undefined) === (options.audit === undefined))
        throw new AppError('BadCommand', 'expected a file, or --audit, but received neither or both');
      if (file === undefined) await verifyHere(options.audit!);
      else await verifyFile(file, options.key);
    });
}

async function verifyHere(account: string | true): Promise<void> {
  await withApp(async (app) => {
    const ids = account === true ? (await listAccounts(app)).map(({ id }) => id) : [await accountId(app, account)];
    for (const id of ids) {
      const { entries, faults } = await verifyAudit(app, id);
      report(`account ${id}: ${entries} entries`, faults);
    }
  });
}

async function verifyFile(file: string, keyFile: string | undefined): Promise<void> {
  const text = (file !== '-' && (await logInArchive(file))) || readFileSync(file === '-' ? 0 : file, 'utf8').trim();
  const content = parse(text) as { entries?: AuditLink[]; head?: AuditHead; receipt?: string } | undefined;
  if (Array.isArray(content?.entries) && content.head !== undefined)
    return report(`${content.entries.length} entries`, chainFaults(content.entries, content.head));
  const receipt = typeof content?.receipt === 'string' ? content.receipt : text;
  if (receipt.split('.').length !== 3)
    throw new AppError('BadFile', `expected a receipt or an audit log in ${file} but received something else`);
  const told = await verifyReceipt(receipt, await keyOf(keyFile));
  process.stdout.write(
    told === undefined
      ? 'NOT as signed: the receipt was changed, or another server signed it\n'
      : `as signed\n${JSON.stringify(told, undefined, 2)}\n`,
  );
  if (told === undefined) process.exitCode = 2;
}

/** The log in an archive that `ownsight takeout` made; `undefined` for files that are no archive. */
async function logInArchive(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(262), 0, 262, 0);
    const start = buffer.toString('latin1', 0, bytesRead);
    if (!start.startsWith('PK') && start.slice(257) !== 'ustar') return undefined;
  } finally {
    await handle.close();
  }
  const archive = await openArchive(await fileSource(file));
  try {
    const log = [...archive.files].find(([name]) => name.endsWith(`/data/${auditPath}`))?.[1];
    if (log === undefined) throw new AppError('BadFile', expected(`data/${auditPath}`, file, 'no such entry'));
    return (await log.read(mostLog)).toString('utf8');
  } finally {
    await archive.close();
  }
}

/** Bytes the log of an account may have: a million entries. */
const mostLog = 512 * 1024 * 1024;

/** Reading a key file opens no store: a receipt is checked anywhere. */
async function keyOf(file: string | undefined): Promise<Pick<PublicJwk, 'x'>> {
  if (file !== undefined) {
    const key = parse(readFileSync(file, 'utf8')) as Partial<PublicJwk> | undefined;
    if (key?.crv === 'Ed25519' && typeof key.x === 'string') return { x: key.x };
    throw new AppError('BadFile', `expected an Ed25519 public key as a JWK in ${file} but received something else`);
  }
  let key: PublicJwk | undefined;
  await withApp(async (app) => {
    key = await receiptKey(app);
  });
  return key!;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function report(what: string, faults: readonly string[]): void {
  process.stdout.write(
    `${what}: ${faults.length === 0 ? 'as written, none changed, removed or added' : 'NOT as written'}\n`,
  );
  for (const fault of faults) process.stdout.write(`    ${fault}\n`);
  if (faults.length > 0) process.exitCode = 2;
}
