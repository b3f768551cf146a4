import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { carriedBy } from "../../src/photo/jpeg";
import { stepOf } from "../../src/page/lens";
import { openStudio } from "./hooks";
import {
  ARTIFACTS,
  ASTRONAUT,
  FACE,
  FLAG,
  PHOTOGRAPHS,
  ROOT,
  choose,
  openPhotograph,
  picture,
  psnrDb,
  said,
  serve,
  sharpness,
  slide,
  tapAt,
  visit,
} from "./studio";

const studio = openStudio();
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

const folder = mkdtempSync(join(tmpdir(), "studio-"));

test("it loads with threads, says what it got, and asks nobody else for anything", async () => {
  const { context, page, origins, faults } = await visit(studio.browser, studio.server.url);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await openPhotograph(page, ASTRONAUT);
  await page.click("#ran summary");
  const engine = await page.innerText("#engine");
  expect(engine).toContain("Asked for");
  expect(engine).toMatch(/CPU \(wasm\), \d+ threads/);
  expect(await page.innerText("#timings")).toMatch(/Remove it\s+[\d.]+ m?s/);
  expect([...origins].filter((origin) => origin !== new URL(studio.server.url).origin && origin !== "null")).toEqual([]);
  expect(faults).toEqual([]);
  await context.close();
});

test("where WebGPU is asked for and not there, it says what it got, and why", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  await choose(page, "fp32", "webgpu");
  const engine = await page.locator("#engine").textContent();
  expect(engine).toContain("Asked forGPU (WebGPU)GotCPU (wasm)");
  expect(engine).toContain("This browser gives no WebGPU device.");
  await context.close();
});

test("the page may not contact another server", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  const barred = await page.evaluate(async () => {
    const violated = new Promise<string>((done) => {
      document.addEventListener("securitypolicyviolation", (event) => {
        done(event.effectiveDirective);
      });
    });
    await fetch("http://127.0.0.1:9/").catch(() => undefined);
    return violated;
  });
  expect(barred).toBe("connect-src");
  await context.close();
});

test("a tap on the subject and one on the background make two pictures, each sharp where it was tapped", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  await openPhotograph(page, ASTRONAUT);
  await slide(page, "aperture", stepOf(0.6));
  await said(page, /, f\/0\.6, in/);
  await tapAt(page, FACE);
  const onFace = await picture(page);
  await tapAt(page, FLAG);
  const onFlag = await picture(page);
  expect(psnrDb(onFace.rgb, onFlag.rgb)).toBeLessThan(35);
  expect(sharpness(onFace, FACE)).toBeGreaterThan(1.5 * sharpness(onFlag, FACE));
  expect(sharpness(onFlag, FLAG)).toBeGreaterThan(1.1 * sharpness(onFace, FLAG));
  await context.close();
});

test("what the browser makes is what the Python runtime makes, on three photographs", async () => {
  const expected = JSON.parse(readFileSync(join(PHOTOGRAPHS, "expected.json"), "utf8")) as {
    f_number: number;
    precision: string;
    photographs: { name: string; path: string; width: number; height: number; focus: { x: number; y: number } }[];
  };
  const { context, page } = await visit(studio.browser, studio.server.url);
  await choose(page, expected.precision, "wasm");
  for (const { name, path, width, height, focus } of expected.photographs) {
    await openPhotograph(page, resolve(ROOT, path));
    await page.evaluate((lens) => window.studio!.refocus(lens), { focus, fNumber: expected.f_number });
    const found = await picture(page);
    expect([found.width, found.height]).toEqual([width, height]);
    const db = psnrDb(found.rgb, new Uint8Array(readFileSync(join(PHOTOGRAPHS, `${name}.rgb`))));
    console.log(`${name}: ${db.toFixed(1)} dB against the Python runtime`);
    expect(db).toBeGreaterThan(60);
  }
  await context.close();
});

test("a file that is no photograph is refused in a sentence, and the studio goes on", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  const path = join(folder, "notes.txt");
  writeFileSync(path, "no picture");
  await page.setInputFiles("#file", path);
  await page.waitForSelector("#alert:not([hidden])");
  expect(await page.innerText("#alert-text")).toBe(
    "This browser cannot read notes.txt. Choose a JPEG, PNG or WebP photograph.",
  );
  const cut = join(folder, "cut.jpg");
  writeFileSync(cut, readFileSync(ASTRONAUT).subarray(0, 300));
  await page.click("#alert-close");
  await page.setInputFiles("#file", cut);
  await page.waitForSelector("#alert:not([hidden])");
  expect(await page.innerText("#alert-text")).toContain("cut.jpg is damaged or cut short");
  await openPhotograph(page, ASTRONAUT);
  expect(await page.isHidden("#alert")).toBe(true);
  await context.close();
});

test("12 megapixels come upright, and are saved at their own size with their EXIF", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  await openPhotograph(page, join(PHOTOGRAPHS, "12mp.jpg"));
  await tapAt(page, { x: 0.4, y: 0.2 });
  const screen = await picture(page);
  expect([screen.width, screen.height]).toEqual([768, 1024]);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  expect(download.suggestedFilename()).toBe("12mp-refocused.jpg");
  const path = join(folder, "saved.jpg");
  copyFileSync(await download.path(), path);
  const bytes = new Uint8Array(readFileSync(path));
  const { exif } = carriedBy(bytes);
  expect(exif?.orientation).toBe(1);
  expect(Buffer.from(exif!.block).includes("Reblur")).toBe(true);
  const size = await page.evaluate(async (base64) => {
    const blob = await (await fetch(`data:image/jpeg;base64,${base64}`).catch(() => null))?.blob();
    const bitmap = await createImageBitmap(blob ?? new Blob([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))]));
    return [bitmap.width, bitmap.height];
  }, Buffer.from(bytes).toString("base64"));
  expect(size).toEqual([3000, 4000]);
  await context.close();
});

test("a damaged model is named, and never run", async () => {
  const artifacts = join(folder, "damaged");
  cpSync(ARTIFACTS, artifacts, { recursive: true, filter: (path) => !/\.(onnx|pte|mlpackage)$/.test(path) });
  const model = join(artifacts, "deblur_fp32.tflite");
  const bytes = readFileSync(model);
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(model, bytes);
  const damaged = await serve(artifacts);
  try {
    const { context, page } = await visit(studio.browser, damaged.url);
    await choose(page, "fp32", "wasm");
    await page.setInputFiles("#file", ASTRONAUT);
    await page.waitForSelector("#alert:not([hidden])");
    expect(await page.innerText("#alert-text")).toContain("deblur_fp32.tflite is not the file that the manifest describes");
    await context.close();
  } finally {
    damaged.stop();
  }
});

test("after its first load it works without a network", async () => {
  const own = await serve();
  const { context, page } = await visit(studio.browser, own.url);
  await page.click("#samples button >> nth=0");
  await said(page, /^Focused by itself/);
  await page.waitForTimeout(500);
  own.stop();
  await context.setOffline(true);
  await page.reload();
  await page.waitForSelector("body[data-ready]");
  await page.click("#samples button >> nth=0");
  await said(page, /^Focused by itself/);
  await tapAt(page, FLAG);
  await context.close();
});

test("as static files on a host that sends no headers it has threads all the same", async () => {
  const site = join(folder, "site");
  const command = ["-m", "runtime.studio", "--artifacts", ARTIFACTS, "--write", site];
  execFileSync(resolve(ROOT, ".venv/bin/python"), command, { cwd: ROOT });
  const host = createServer((request, response) => {
    const path = new URL(request.url!, "http://host").pathname.replace(/^\/some\/folder\//, "");
    const type = TYPES[/\.\w+$/.exec(path)?.[0] ?? ".html"] ?? "application/octet-stream";
    try {
      const content = readFileSync(join(site, path || "index.html"));
      response.writeHead(200, { "Content-Type": type }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((listening) => host.listen(0, "127.0.0.1", listening));
  const { port } = host.address() as AddressInfo;
  const { context, page } = await visit(studio.browser, `http://localhost:${port}/some/folder/`);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await openPhotograph(page, ASTRONAUT);
  expect(await page.locator("#engine").textContent()).toMatch(/GotCPU \(wasm\), \d+ threads/);
  await context.close();
  host.close();
  host.closeAllConnections();
});

test("the keyboard alone is enough", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  const focused = () => page.evaluate(() => document.activeElement!.id || document.activeElement!.textContent);
  const tabTo = async (name: string) => {
    for (let i = 0; i < 20 && (await focused()) !== name; i++) await page.keyboard.press("Tab");
    expect(await focused()).toBe(name);
  };
  await tabTo("Coffee");
  await page.keyboard.press("Enter");
  await said(page, /^Focused by itself/);
  await tabTo("photograph");
  for (let i = 0; i < 3; i++) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await said(page, /^Focused \d+ % from the left, \d+ % from the top, f\/1\.4, in/);
  await page.keyboard.press("m");
  expect(await page.getAttribute("#show-map", "aria-pressed")).toBe("true");
  await page.keyboard.press("m");
  await page.keyboard.down("c");
  expect(await page.locator("#original").getAttribute("class")).toContain("shown");
  await page.keyboard.up("c");
  expect(await page.locator("#original").getAttribute("class")).not.toContain("shown");
  await page.keyboard.press("]");
  await said(page, /f\/1\.2, in/);
  await tabTo("download");
  const [download] = await Promise.all([page.waitForEvent("download"), page.keyboard.press("Enter")]);
  expect(download.suggestedFilename()).toBe("coffee-refocused.jpg");
  await context.close();
});

test("dragging the aperture shows pictures before it is let go", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url);
  await openPhotograph(page, ASTRONAUT);
  const before = await picture(page);
  // No test asserts a time: `npm run measure` says how many a second.
  await page.evaluate(async () => {
    const slider = document.getElementById("aperture") as HTMLInputElement;
    window.studio!.frames.length = 0;
    for (let step = 0; window.studio!.frames.length < 8; step++) {
      slider.value = String(step % 100);
      slider.dispatchEvent(new Event("input"));
      await new Promise((resume) => setTimeout(resume, 16));
    }
  });
  expect(psnrDb((await picture(page)).rgb, before.rgb)).toBeLessThan(60);
  await context.close();
});

test("with less motion asked for, nothing sweeps", async () => {
  const { context, page } = await visit(studio.browser, studio.server.url, { reducedMotion: "reduce" });
  await openPhotograph(page, ASTRONAUT);
  expect(await page.isVisible("#sweep")).toBe(false);
  expect(await page.isVisible(".motion-note")).toBe(true);
  await slide(page, "distance", 90);
  await said(page, /of the way from near to far/);
  await context.close();
});
