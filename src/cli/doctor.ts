import { Command } from 'commander';
import { examine } from '../services/doctor.ts';
import { examineBackbones } from '../services/doctor-backbones.ts';
import { withApp } from './with-app.ts';

/**
 * `ownsight doctor`: checks rows against files against keys, and whether what was promised is kept; changes nothing. Exit
 * code 2 when data is lost, damaged or left behind.
 */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check that rows, files and keys agree and that promises are kept; changes nothing')
    .option('--json', 'print JSON')
    .action((options: { json?: boolean }) =>
      withApp(async (app) => {
        const findings = [...(await examine(app)), ...(await examineBackbones(app))];
        if (options.json) process.stdout.write(`${JSON.stringify(findings)}\n`);
        else if (findings.length === 0) process.stdout.write('All rows, files and keys agree.\n');
        else for (const { kind, what, remedy } of findings) process.stdout.write(`${kind}: ${what}\n    ${remedy}\n`);
        if (findings.some((finding) => finding.serious)) process.exitCode = 2;
      }),
    );
}
