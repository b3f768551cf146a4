/** Writes the README's pictures of the studio into pictures/: `npm run pictures`. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { test } from "vitest";
import { stepOf } from "../../src/page/lens";
import { ASTRONAUT, FACE, FLAG, ROOT, launch, openPhotograph, said, serve, slide, tapAt, visit } from "../browser/studio";

const FOLDER = resolve(import.meta.dirname, "../../pictures");
const COFFEE = resolve(ROOT, "runtime/studio/public/samples/coffee.jpg");
const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 780 }, colorScheme: "dark" };
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 780 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
};

async function refocusedOn(page: Page, path: string, place: { x: number; y: number }, fNumber: number): Promise<void> {
  await openPhotograph(page, path);
  await slide(page, "aperture", stepOf(fNumber));
  await said(page, /, in/);
  await tapAt(page, place);
}

const PICTURES: Record<string, [BrowserContextOptions, (page: Page) => Promise<void>]> = {
  welcome: [{ ...DESKTOP, colorScheme: "light" }, () => Promise.resolve()],
  desktop: [DESKTOP, (page) => refocusedOn(page, ASTRONAUT, FACE, 0.7)],
  light: [
    { ...DESKTOP, colorScheme: "light" },
    async (page) => {
      await refocusedOn(page, ASTRONAUT, FLAG, 0.7);
      await page.click("#ran summary");
    },
  ],
  map: [
    DESKTOP,
    async (page) => {
      await openPhotograph(page, ASTRONAUT);
      await page.click("#show-map");
    },
  ],
  phone: [{ ...PHONE, colorScheme: "dark" }, (page) => refocusedOn(page, ASTRONAUT, FACE, 0.7)],
  "phone-light": [{ ...PHONE, colorScheme: "light" }, (page) => refocusedOn(page, COFFEE, { x: 0.5, y: 0.4 }, 0.7)],
  error: [
    { ...PHONE, colorScheme: "dark" },
    async (page) => {
      const file = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") };
      await page.setInputFiles("#file", file);
      await page.waitForSelector("#alert:not([hidden])");
    },
  ],
};

test("pictures", { timeout: 600_000 }, async () => {
  mkdirSync(FOLDER, { recursive: true });
  const [browser, server] = await Promise.all([launch(), serve()]);
  const only = process.env.STUDIO_PICTURES?.split(",");
  for (const [name, [options, prepare]] of Object.entries(PICTURES)) {
    if (only && !only.includes(name)) continue;
    const { context, page } = await visit(browser, server.url, options);
    await prepare(page);
    await page.mouse.move(2, 2);
    await page.waitForTimeout(600);
    await page.screenshot({ path: resolve(FOLDER, `${name}.jpg`), type: "jpeg", quality: 82 });
    await context.close();
  }
  await browser.close();
  server.stop();
});
