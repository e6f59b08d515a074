import { Command } from 'commander';
import { accountCommand } from './account.ts';
import { auditCommand } from './audit.ts';
import { backupCommand } from './backup.ts';
import { dataCommand } from './data.ts';
import { deletionCommand } from './deletion.ts';
import { doctorCommand } from './doctor.ts';
import { failure } from './failure.ts';
import { forgetCommand } from './forget.ts';
import { importCommand } from './import.ts';
import { keysCommand } from './keys.ts';
import { modelsCommand } from './models.ts';
import { receiptKeyCommand, receiptsCommand } from './receipt.ts';
import { restoreCommand } from './restore.ts';
import { serveCommand } from './serve.ts';
import { takeoutCommand } from './takeout.ts';
import { trashCommand } from './trash.ts';
import { verifyCommand } from './verify.ts';

/**
 * Runs the command line `argv` (node and script first). Sets the exit code: 0 done, 1 refused or failed, 2 findings.
 */
export async function run(argv: readonly string[]): Promise<void> {
  const program = new Command('ownsight')
    .description(
      'Train and serve image models, and keep full control of your data. Speaks the Azure Custom Vision API.',
    )
    .showHelpAfterError('(try --help)');
  program.addCommand(serveCommand());
  program.addCommand(accountCommand());
  program.addCommand(dataCommand());
  program.addCommand(deletionCommand());
  program.addCommand(forgetCommand());
  program.addCommand(backupCommand());
  program.addCommand(doctorCommand());
  program.addCommand(keysCommand());
  program.addCommand(modelsCommand());
  program.addCommand(trashCommand());
  program.addCommand(auditCommand());
  program.addCommand(receiptsCommand());
  program.addCommand(receiptKeyCommand());
  program.addCommand(verifyCommand());
  program.addCommand(takeoutCommand());
  program.addCommand(restoreCommand());
  program.addCommand(importCommand());
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    process.stderr.write(`ownsight: ${failure(error)}\n`);
    process.exitCode = 1;
  }
}
