import { createRequire } from "node:module";
import type { BrowserContextOptions } from "playwright-core";
import { expect, test } from "vitest";
import { openStudio } from "./hooks";
import { ASTRONAUT, openPhotograph, visit } from "./studio";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const studio = openStudio();

test.each([
  ["dark", { colorScheme: "dark" }],
  ["light", { colorScheme: "light" }],
  ["at phone width", { ...PHONE, colorScheme: "light" }],
] as [string, BrowserContextOptions][])("axe finds no fault: %s", async (_, options) => {
  // axe is put into the page from outside, which its policy would not allow.
  const { context, page } = await visit(studio.browser, studio.server.url, { ...options, bypassCSP: true });
  const faults = async () => {
    await page.addScriptTag({ path: AXE });
    return page.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: { run: () => Promise<Axe> } }).axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
    });
  };
  expect(await faults()).toEqual([]);
  await openPhotograph(page, ASTRONAUT);
  await page.click("#ran summary");
  await page.click("#show-map");
  await page.waitForTimeout(400);
  expect(await faults()).toEqual([]);
  await page.setInputFiles("#file", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no picture") });
  await page.waitForSelector("#alert:not([hidden])");
  expect(await faults()).toEqual([]);
  await page.goto(`${studio.server.url}selftest.html`);
  await page.waitForSelector("body[data-ready]");
  expect(await faults()).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)).toBe(true);
  await context.close();
});

interface Axe {
  readonly violations: { readonly id: string; readonly nodes: { readonly target: string[] }[] }[];
}
