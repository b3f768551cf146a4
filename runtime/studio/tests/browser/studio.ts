/** Starts the studio's server and Chromium for the browser tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { resolve } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, type Page, chromium } from "playwright-core";

export const ROOT = resolve(import.meta.dirname, "../../../..");
export const ARTIFACTS = resolve(ROOT, process.env.STUDIO_ARTIFACTS ?? "artifacts");
export const PHOTOGRAPHS = resolve(ROOT, "build/studio");
export const ASTRONAUT = resolve(ROOT, "runtime/examples/astronaut.jpg");
/** Where in that photograph the face is, and the flag behind it. */
export const FACE = { x: 0.43, y: 0.2 };
export const FLAG = { x: 0.09, y: 0.3 };

/** For one step on a machine that has other work. */
const TIMEOUT_MS = 60_000;
const CHROMIUMS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export interface Server {
  readonly url: string;
  readonly stop: () => void;
}

export function serve(artifacts = ARTIFACTS): Promise<Server> {
  const python = resolve(ROOT, ".venv/bin/python");
  const child: ChildProcess = spawn(python, ["-m", "runtime.studio", "--artifacts", artifacts, "--port", "0"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  return new Promise((ready, failed) => {
    createInterface(child.stdout!).once("line", (line) => {
      const url = /http:\S+/.exec(line)?.[0];
      if (url) ready({ url, stop: () => child.kill() });
    });
    child.once("exit", (code) => {
      failed(new Error(`the studio's server ended with ${code ?? "a signal"}`));
    });
  });
}

export function launch(args: string[] = []): Promise<Browser> {
  const executablePath = CHROMIUMS.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error("no Chromium: apt-get install chromium, or name one by CHROMIUM");
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
}

export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Where the page asked for anything. */
  readonly origins: Set<string>;
  /** What went wrong in it without anybody being told. */
  readonly faults: string[];
}

export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const origins = new Set<string>();
  const faults: string[] = [];
  context.on("request", (request) => origins.add(new URL(request.url()).origin));
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(url);
  await page.waitForSelector("body[data-ready]");
  return { context, page, origins, faults };
}

/** As the selects of the page do it. */
export async function choose(page: Page, precision: string, accelerator: string): Promise<void> {
  await page.evaluate((choice) => {
    localStorage.setItem("studio-choice", choice);
  }, `${precision} ${accelerator}`);
  await page.reload();
  await page.waitForSelector("body[data-ready]");
}

export async function openPhotograph(page: Page, path: string): Promise<void> {
  await page.setInputFiles("#file", path);
  await said(page, /^Focused by itself/);
}

/** Waits until the status line says so; fails at once with what an alert says instead. */
export async function said(page: Page, pattern: RegExp): Promise<string> {
  const found = await page.waitForFunction((source) => {
    const text = document.getElementById("status")!.textContent;
    const alert = document.getElementById("alert");
    if (alert && !alert.hidden) return `alert: ${document.getElementById("alert-text")!.textContent}`;
    return new RegExp(source).test(text) ? text : null;
  }, pattern.source);
  const text = (await found.jsonValue()) ?? "";
  if (text.startsWith("alert:")) throw new Error(text);
  return text;
}

export async function tapAt(page: Page, { x, y }: { x: number; y: number }): Promise<string> {
  await page.evaluate(() => {
    document.getElementById("status")!.textContent = "";
  });
  const box = (await page.locator("#photograph").boundingBox())!;
  await page.mouse.click(box.x + x * box.width, box.y + y * box.height);
  return said(page, /^Focused \d+ % from the left/);
}

/** Sets a slider as a person who drags it and lets go. */
export async function slide(page: Page, id: string, value: number): Promise<void> {
  await page.evaluate(
    ([name, to]) => {
      const slider = document.getElementById(name) as HTMLInputElement;
      slider.value = String(to);
      slider.dispatchEvent(new Event("input"));
      slider.dispatchEvent(new Event("change"));
    },
    [id, value] as const,
  );
}

/** The picture on the page: RGB of 8 bits, with its size. */
export async function picture(page: Page, id = "picture"): Promise<{ width: number; height: number; rgb: Uint8Array }> {
  const { width, height, text } = await page.evaluate((name) => {
    const canvas = document.getElementById(name) as HTMLCanvasElement;
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    let binary = "";
    for (let i = 0; i < data.length; i += 4) binary += String.fromCharCode(data[i], data[i + 1], data[i + 2]);
    return { width: canvas.width, height: canvas.height, text: btoa(binary) };
  }, id);
  return { width, height, rgb: new Uint8Array(Buffer.from(text, "base64")) };
}

/** Mean absolute Laplacian of the green channel around a place: how sharp it is. */
export function sharpness(
  of: { width: number; height: number; rgb: Uint8Array },
  at: { x: number; y: number },
  radius = 0.06,
): number {
  const [cx, cy] = [Math.round(at.x * of.width), Math.round(at.y * of.height)];
  const r = Math.round(radius * of.width);
  const green = (x: number, y: number) => of.rgb[(y * of.width + x) * 3 + 1];
  let [sum, count] = [0, 0];
  for (let y = Math.max(1, cy - r); y < Math.min(of.height - 1, cy + r); y++) {
    for (let x = Math.max(1, cx - r); x < Math.min(of.width - 1, cx + r); x++) {
      sum += Math.abs(4 * green(x, y) - green(x - 1, y) - green(x + 1, y) - green(x, y - 1) - green(x, y + 1));
      count++;
    }
  }
  return sum / count;
}

export function psnrDb(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum === 0 ? Infinity : 10 * Math.log10(255 ** 2 / (sum / a.length));
}
