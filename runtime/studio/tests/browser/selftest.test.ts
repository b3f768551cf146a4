import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020";
import { expect, test } from "vitest";
import { openStudio } from "./hooks";
import { ROOT, said, visit } from "./studio";

const SCHEMA = resolve(ROOT, process.env.STUDIO_ROW_SCHEMA ?? "benchmarks/row.schema.json");

const studio = openStudio();

test("every file passes its golden vectors here, and the rows are those of the benchmarks", async () => {
  const { context, page } = await visit(studio.browser, `${studio.server.url}selftest.html`);
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
