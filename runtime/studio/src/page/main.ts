/** Puts the studio's page together. */
import { Client, WorkerError } from "../engine/client";
import type { Lens } from "../core/pipeline";
import type { Accelerator } from "../engine/messages";
import { element, make } from "./elements";
import { aperture, hold, listenForFiles, listenOnPhotograph, showSamples } from "./input";
import { STEPS, asText, opening, percent } from "./lens";
import { prepareOffline } from "./offline";
import { Ran, complain, say, settle } from "./report";
import { Stage } from "./stage";
import { Studio, previewFrames } from "./studio";
import { Sweep } from "./sweep";

declare global {
  interface Window {
    /** For tests and measurements from outside. */
    studio?: {
      readonly frames: number[];
      readonly refocus: (lens: Lens) => Promise<void>;
      readonly previewIsComplete: () => Promise<boolean>;
    };
  }
}

const CHOICE = "studio-choice";

function chosen(): { precision?: string; accelerator?: Accelerator } {
  const [precision, accelerator] = (localStorage.getItem(CHOICE) ?? "").split(" ");
  return {
    ...(precision ? { precision } : {}),
    ...(accelerator === "webgpu" || accelerator === "wasm" ? { accelerator } : {}),
  };
}

async function run(): Promise<void> {
  await prepareOffline();
  const client = new Client();
  const stage = new Stage();
  const ran = new Ran();
  const artifactsUrl = new URL("./artifacts/", document.baseURI).href;
  const wasmUrl = new URL("./wasm/", document.baseURI).href;
  const started = client.ask("start", { artifactsUrl, wasmUrl, choice: chosen(), willOpen: true });
  const studio = new Studio(client, started, stage, ran);
  const open = (file: Blob, name: string) => {
    sweep.stop();
    void studio.open(file, name);
  };

  const follow = (fNumber: number, place: number) => {
    showAperture(fNumber);
    lens.set(fNumber);
    showDistance(place);
  };
  const lens = aperture(
    (fNumber) => {
      showAperture(fNumber);
      void studio.move({ fNumber });
    },
    () => void studio.release(),
  );
  const distance = element<HTMLInputElement>("distance");
  const sweep = new Sweep(
    (step) => {
      showDistance(step);
      return studio.move({ step });
    },
    () => void studio.release(),
  );
  distance.addEventListener("input", () => {
    showDistance(Number(distance.value));
    void studio.move({ step: Number(distance.value) });
  });
  distance.addEventListener("change", () => void studio.release());
  studio.onLens = follow;
  showAperture(1.4);
  lens.set(1.4);

  const map = element("show-map");
  const tools = {
    compare: (on: boolean) => {
      element("compare").setAttribute("aria-pressed", String(on));
      stage.show("original", on);
    },
    toggleMap: () => {
      const on = map.getAttribute("aria-pressed") !== "true";
      map.setAttribute("aria-pressed", String(on));
      stage.show("map", on);
      say(on ? "The map shows how blurred each place was: dark is sharp." : "The map is hidden.");
    },
    toggleSweep: () => {
      sweep.toggle();
    },
  };
  listenOnPhotograph(stage, studio, tools);
  hold(element("compare"), tools.compare);
  map.addEventListener("click", tools.toggleMap);
  element("sweep").addEventListener("click", tools.toggleSweep);
  element("download").addEventListener("click", () => void studio.save());
  element("alert-close").addEventListener("click", settle);
  listenForFiles(open);
  showSamples(open);
  window.studio = {
    frames: previewFrames,
    refocus: async (lens) => {
      const { screen } = await client.ask("refocus", lens);
      stage.fill("picture", screen);
    },
    previewIsComplete: async () =>
      (await client.ask("preview", { lens: { focus: { x: 0.5, y: 0.5 }, fNumber: 1 }, atOnce: true }))?.isComplete === true,
  };

  try {
    const known = await started;
    ran.describe(known, known.engine);
    offerChoices(known.precisions, known.precision, known.engine.requested);
    document.body.dataset.ready = "";
  } catch (error) {
    complain(error instanceof WorkerError ? error.message : String(error));
    throw error;
  }
}

function showAperture(fNumber: number): void {
  const slider = element<HTMLInputElement>("aperture");
  element("aperture-value").textContent = asText(fNumber);
  slider.setAttribute("aria-valuetext", asText(fNumber));
  element("iris").style.setProperty("--open", String(opening(fNumber)));
  slider.style.setProperty("--done", `${opening(fNumber) * 119 - 19}%`);
}

function showDistance(step: number): void {
  const slider = element<HTMLInputElement>("distance");
  const text = step <= 1 ? "nearest" : step >= STEPS - 1 ? "farthest" : percent(step / STEPS);
  slider.value = String(Math.round(step));
  slider.setAttribute("aria-valuetext", text);
  slider.style.setProperty("--done", `${step}%`);
  element("distance-value").textContent = text;
}

function offerChoices(precisions: readonly string[], precision: string, accelerator: Accelerator): void {
  const networks = element<HTMLSelectElement>("precision");
  networks.replaceChildren(...precisions.map((name) => make("option", { value: name }, name)));
  networks.value = precision;
  const where = element<HTMLSelectElement>("accelerator");
  where.value = accelerator;
  for (const select of [networks, where]) {
    select.addEventListener("change", () => {
      localStorage.setItem(CHOICE, `${networks.value} ${where.value}`);
      location.reload();
    });
  }
}

void run();
