/** The self-test's page: each file in a worker of its own, since a phone need not hold them all at once. */
import { Client, WorkerError } from "../engine/client";
import type { Accelerator } from "../engine/messages";
import type { Row, Surroundings } from "../engine/rows";
import { CONVENTIONS, type Result } from "../engine/selftest";
import { element, make } from "./elements";
import { percent, seconds } from "./lens";
import { prepareOffline } from "./offline";
import { say } from "./report";
import { surroundings } from "./surroundings";

/** Timed runs of each file. */
const RUNS = 5;

const artifactsUrl = new URL("./artifacts/", document.baseURI).href;
const wasmUrl = new URL("./wasm/", document.baseURI).href;

async function inWorker<T>(accelerator: Accelerator, work: (client: Client, files: string[]) => Promise<T>): Promise<T> {
  const client = new Client();
  try {
    const { files } = await client.ask("start", { artifactsUrl, wasmUrl, choice: { accelerator }, willOpen: false });
    return await work(client, files);
  } finally {
    client.stop();
  }
}

async function runAll(accelerator: Accelerator): Promise<{ results: Result[]; rows: Row[] }> {
  const ids = [CONVENTIONS, ...(await inWorker(accelerator, (_, files) => Promise.resolve(files)))];
  const given: Surroundings = surroundings();
  const results: Result[] = [];
  const rows: Row[] = [];
  for (const [index, id] of ids.entries()) {
    say(`Testing ${id}, ${index + 1} of ${ids.length} …`);
    const found = await inWorker(accelerator, (client) =>
      client.ask("selfTest", { id, runs: RUNS, surroundings: given }),
    );
    results.push(found.result);
    rows.push(...found.rows);
    element("results").append(line(found.result));
  }
  return { results, rows };
}

function line({ id, status, reason, cases, worst, used, medianMs }: Result): HTMLElement {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, id),
    make("td", { className: status }, reason ? `${status}: ${reason}` : status),
    make("td", {}, String(cases)),
    make("td", {}, Number.isFinite(worst) ? percent(worst) : "–"),
    make("td", {}, medianMs > 0 ? seconds(medianMs) : "–"),
    make("td", {}, used),
  );
}

async function run(): Promise<void> {
  await prepareOffline();
  const start = element<HTMLButtonElement>("start");
  const save = element<HTMLButtonElement>("save");
  const where = element<HTMLSelectElement>("accelerator");
  let rows: Row[] = [];
  start.addEventListener("click", () => {
    const work = async () => {
      start.disabled = true;
      element("results").replaceChildren();
      try {
        const found = await runAll(where.value as Accelerator);
        rows = found.rows;
        const failed = found.results.filter((result) => result.status === "failed").length;
        const passed = found.results.length - failed;
        say(failed ? `${failed} failed, ${passed} passed.` : `All ${passed} passed.`);
        save.disabled = false;
      } catch (error) {
        say(error instanceof WorkerError ? error.message : String(error));
      } finally {
        start.disabled = false;
      }
    };
    void work();
  });
  save.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([JSON.stringify(rows, null, 1)], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href: url, download: "reblur-selftest.json" }).click();
    URL.revokeObjectURL(url);
  });
  document.body.dataset.ready = "";
}

void run();
