/** The background job that describes pictures: reads, opens, decodes, computes, seals and commits. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openApp } from '../../../src/app.ts';
import { newId } from '../../../src/base/id.ts';
import { readConfig } from '../../../src/config.ts';
import { features } from '../../../src/jobs/features.ts';
import type { JobRun } from '../../../src/queue/job.ts';
import { createAccount } from '../../../src/services/accounts.ts';
import { createProject } from '../../../src/services/projects.ts';
import { createImages } from '../../../src/services/uploading.ts';
import { distinct } from '../distinct.ts';
import { serveSide } from '../side.ts';

serveSide<{ files: string[] }, undefined, number>(async ({ files }) => {
  const directory = mkdtempSync(join(tmpdir(), 'ownsight-bench-'));
  const app = await openApp(readConfig({ OWNSIGHT_HOME: join(directory, 'data'), OWNSIGHT_LOG: 'error' }));
  const account = await createAccount(app, { userName: 'bench' });
  const pictures = files.map((file, n) => distinct(readFileSync(file), n));
  const run: JobRun = {
    id: newId(),
    signal: new AbortController().signal,
    attempt: 1,
    last: true,
    fence: async () => undefined,
    progress: () => undefined,
  };
  return {
    /** Pictures a second. */
    async round() {
      const project = await createProject(app, account.id, { name: newId() });
      const scope = { accountId: account.id, projectId: project.id };
      for (let from = 0; from < pictures.length; from += 64) {
        const batch = pictures
          .slice(from, from + 64)
          .map((bytes) => ({ source: { bytes }, name: '', tagIds: [], regions: [] }));
        await createImages(app, scope, batch, { tagIds: [], metadata: null });
      }
      // The job holds back while pictures are uploaded and shortly after.
      await pause(500);
      const begun = performance.now();
      await features(app, scope, run);
      return files.length / ((performance.now() - begun) / 1000);
    },
    async close() {
      await app.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
});
