/** What the page says: its status line, progress, errors, and what ran. */
import type { Engine, Progress, Started, Timing } from "../engine/messages";
import { element, make } from "./elements";
import { seconds } from "./lens";

export function say(sentence: string): void {
  element("status").textContent = sentence;
}

export function complain(sentence: string): void {
  element("alert-text").textContent = sentence;
  element("alert").hidden = false;
}

export function settle(): void {
  element("alert").hidden = true;
}

/** Null hides the bar. */
export function showProgress(progress: Progress | null): void {
  element("progress").hidden = progress === null;
  if (!progress) return;
  element("progress-bar").style.setProperty("--done", String(progress.done / Math.max(1, progress.total)));
}

const STAGES: Readonly<Record<string, string>> = {
  decode: "Read the photograph",
  load: "Load the networks",
  resize: "Scale to working size",
  defocus: "Estimate the blur",
  deblur: "Remove it",
  smooth: "Smooth the map",
  highlights: "Light the lamps",
  preview: "Preview",
  refocus: "Refocus",
  "to screen": "To the screen",
  "refocus at full size": "Refocus at full size",
  encode: "Write the file",
};

const NAMES: Readonly<Record<Engine["used"], string>> = { wasm: "CPU (wasm)", webgpu: "GPU (WebGPU)" };

export class Ran {
  private readonly times = new Map<string, number>();

  clear(): void {
    this.times.clear();
  }

  add(timings: readonly Timing[]): void {
    for (const { stage, ms } of timings) this.times.set(stage, ms);
    const rows = [...this.times].map(([stage, ms]) =>
      make("tr", {}, make("th", { scope: "row" }, STAGES[stage] ?? stage), make("td", {}, seconds(ms))),
    );
    element("timings").replaceChildren(...rows);
  }

  describe(started: Started, engine: Engine): void {
    const { threads, requested, used, why } = engine;
    const lines: [string, string][] = [
      ["Asked for", NAMES[requested]],
      ["Got", used === "wasm" ? `${NAMES[used]}, ${threads} ${threads === 1 ? "thread" : "threads"}` : NAMES[used]],
      ["Networks", `${started.precision}, ${started.tile.height} × ${started.tile.width} px`],
      ["Export", `Reblur ${started.version}, ${started.exported}`],
    ];
    if (why) lines.splice(2, 0, ["Because", why]);
    element("engine").replaceChildren(
      ...lines.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
    );
  }
}
