/** What the tests of a file share. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll } from "vitest";
import { type Server, launch, serve } from "./studio";

export interface Studio {
  readonly browser: Browser;
  readonly server: Server;
}

/** The server and a browser for all tests of a file: begun before them, ended after. */
export function openStudio(): Studio {
  const studio = {} as { browser: Browser; server: Server };
  beforeAll(async () => {
    [studio.browser, studio.server] = await Promise.all([launch(), serve()]);
  });
  afterAll(async () => {
    await studio.browser.close();
    studio.server.stop();
  });
  return studio;
}
