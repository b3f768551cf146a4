import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT, type Server, launch, said, serve, visit } from "./studio";

const SCHEMA = resolve(ROOT, process.env.STUDIO_ROW_SCHEMA ?? "benchmarks/row.schema.json");

let browser: Browser;
let server: Server;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), serve()]);
});

afterAll(async () => {
  await browser.close();
  server.stop();
});

test("every file passes its golden vectors here, and the rows are those of the benchmarks", async () => {
  const { context, page } = await visit(browser, `${server.url}selftest.html`);
  await page.click("#start");
  const summary = await said(page, /passed\.$/);
  const table = await page.innerText("#results");
  expect(summary, table).toMatch(/^All \d+ passed\.$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  const rows = JSON.parse(readFileSync(await download.path(), "utf8")) as { status: string }[];
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.every((row) => row.status === "ok")).toBe(true);
  if (existsSync(SCHEMA)) {
    const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(JSON.parse(readFileSync(SCHEMA, "utf8")) as object);
    for (const row of rows) expect(validate(row), JSON.stringify(validate.errors)).toBe(true);
  } else console.log("not run: the rows against benchmarks/row.schema.json, which is not there");
  await context.close();
}, 240_000);
