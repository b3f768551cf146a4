/** How long the studio takes on this machine, and how much the page weighs: `npm run measure`. */
import { readFileSync, readdirSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { ASTRONAUT, PHOTOGRAPHS, choose, launch, openPhotograph, picture, said, serve, tapAt, visit } from "../browser/studio";

const TAPS = 12;
const DRAG_MS = 3000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

async function openingMs(page: Page, path: string): Promise<number> {
  const since = Date.now();
  await openPhotograph(page, path);
  return Date.now() - since;
}

/** Milliseconds from a tap to the refocusing graph's picture on the page, and to the preview before it. */
async function tapMs(page: Page): Promise<{ preview: number; refocused: number }> {
  return page.evaluate(async () => {
    const frame = document.getElementById("photograph")!;
    const status = document.getElementById("status")!;
    const box = frame.getBoundingClientRect();
    status.textContent = "";
    window.studio!.frames.length = 0;
    const since = performance.now();
    const place = { clientX: box.left + Math.random() * box.width, clientY: box.top + Math.random() * box.height };
    frame.dispatchEvent(new MouseEvent("click", place));
    while (!/, in/.test(status.textContent)) await new Promise((resume) => setTimeout(resume, 1));
    return { preview: window.studio!.frames[0] - since, refocused: performance.now() - since };
  });
}

async function framesASecond(page: Page): Promise<number> {
  return page.evaluate(async (length) => {
    const slider = document.getElementById("aperture") as HTMLInputElement;
    window.studio!.frames.length = 0;
    const since = performance.now();
    while (performance.now() - since < length) {
      await new Promise((resume) => setTimeout(resume, 16));
      slider.value = String(20 + ((performance.now() - since) / length) * 70);
      slider.dispatchEvent(new Event("input"));
    }
    return (window.studio!.frames.length / length) * 1000;
  }, DRAG_MS);
}

function weight(): string {
  const folder = resolve(import.meta.dirname, "../../dist");
  const files = [...readdirSync(join(folder, "assets")).map((name) => join("assets", name)), "sw.js", "index.html"];
  const of = (pattern: RegExp) =>
    files
      .filter((name) => pattern.test(name))
      .reduce((sum, name) => sum + gzipSync(readFileSync(join(folder, name)), { level: 9 }).length, 0);
  const wasm = gzipSync(readFileSync(join(folder, "wasm/litert_wasm_threaded_internal.wasm")), { level: 9 }).length;
  return `JavaScript ${kb(of(/\.js$/))} kB, style ${kb(of(/\.css$/))} kB, wasm ${kb(wasm)} kB, all compressed by gzip`;
}

function kb(bytes: number): string {
  return (bytes / 1000).toFixed(0);
}

test("times", { timeout: 600_000 }, async () => {
  const [browser, server] = await Promise.all([launch(), serve()]);
  const precisions = (process.env.STUDIO_PRECISIONS ?? "fp32").split(",");
  console.log(`${cpus()[0].model}, ${cpus().length} processors, load ${loadavg()[0].toFixed(1)}; Chromium ${browser.version()}`);
  console.log(weight());
  for (const precision of precisions) {
    const { context, page } = await visit(browser, server.url);
    await choose(page, precision, "wasm");
    await page.waitForTimeout(5000); // as long as somebody looks for a photograph: the networks are made ready
    const first = await openingMs(page, join(PHOTOGRAPHS, "12mp.jpg"));
    await page.click("#ran summary");
    console.log(`${precision}: from a 12 MP file to the first refocused picture ${first} ms`);
    console.log((await page.innerText("#timings")).replace(/\t/g, " "));
    while (!(await page.evaluate(() => window.studio!.previewIsComplete()))) await page.waitForTimeout(1000);
    await tapAt(page, { x: 0.5, y: 0.5 });
    const taps: { preview: number; refocused: number }[] = [];
    for (let i = 0; i < TAPS; i++) taps.push(await tapMs(page));
    const { width, height } = await picture(page);
    const shown = (name: "preview" | "refocused") => median(taps.map((tap) => tap[name])).toFixed(0);
    console.log(`tap at ${width}x${height}: preview after ${shown("preview")} ms, refocused after ${shown("refocused")} ms`);
    console.log(`dragging: ${(await framesASecond(page)).toFixed(0)} pictures a second`);
    await page.evaluate(() => document.getElementById("aperture")!.dispatchEvent(new Event("change")));
    await said(page, /, in/);
    const since = Date.now();
    await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    console.log(`saved at 12 MP in ${Date.now() - since} ms`);
    await openPhotograph(page, ASTRONAUT);
    await context.close();
  }
  await browser.close();
  server.stop();
});
