import { type OpenApp, openApp } from '../app.ts';
import { readConfig } from '../config.ts';

/** Opens the stores, does `work`, closes them again. Works beside a running server. */
export async function withApp(work: (app: OpenApp) => Promise<void>): Promise<void> {
  const app = await openApp({ ...readConfig(), logLevel: 'error' });
  try {
    await work(app);
  } finally {
    await app.close();
  }
}
