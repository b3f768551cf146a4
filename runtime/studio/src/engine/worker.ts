/** The worker: it alone holds the photograph, its analysis and the graphs. */
import { automaticFocus } from "../core/autofocus";
import { type Read } from "../core/files";
import {
  type Artifact,
  type Manifest,
  type PipelineRecord,
  StudioError,
  artifactOf,
  pipelinesOf,
  previewOf,
  readManifest,
  sizeOf,
  tfliteOf,
} from "../core/manifest";
import { coloured } from "../core/colours";
import { defocusAt, nearAndFar } from "../core/optics";
import { type Analysis, type Lens, analyse, asRgba, refocus, refocusPhoto } from "../core/pipeline";
import { PreviewStack } from "../core/preview";
import { type Raster, raster } from "../core/raster";
import { type Photo, readPhoto } from "../photo/photo";
import { type LoadedGraph, firstLine, loadGraph, startRuntime } from "./litert";
import type { Engine, Method, Opened, Progress, Reply, Requests, Screen, Started, Timing } from "./messages";
import { isTrustworthy, selfTest } from "./selftest";

type Answer<M extends Method> = Requests[M]["answer"];
type Given<M extends Method> = Requests[M]["given"];
type OnProgress = (progress: Progress) => void;

interface Session {
  readonly manifest: Manifest;
  readonly pipeline: PipelineRecord;
  readonly read: Read;
  engine: Engine;
}

/** Precision of the networks where nobody chose one and the export has it: what each computes fastest. */
const USUAL = { wasm: "int8", webgpu: "fp16" } as const;

let session: Session | undefined;
const graphs = new Map<string, Promise<LoadedGraph>>();
let current: { photo: Photo; analysis: Analysis; stack: PreviewStack } | undefined;

const METHODS: { [M in Method]: (given: Given<M>, onProgress: OnProgress) => Promise<Answer<M>> } = {
  start,
  open,
  refocus: refocusScreen,
  preview: async ({ lens, atOnce }) => {
    const { stack } = opened();
    const { height, width } = stack.size;
    if (!stack.isReady && atOnce) return null;
    while (!stack.isReady) await stack.grow();
    return { height, width, isComplete: stack.isComplete, rgba: stack.render(lens) };
  },
  save,
  selfTest: ({ id, runs, surroundings }) => {
    const { manifest, read, engine } = started();
    return selfTest({ manifest, read, engine, surroundings, runs, load: load }, id);
  },
};

async function start({ artifactsUrl, wasmUrl, choice, willOpen }: Given<"start">, onProgress: OnProgress): Promise<Started> {
  const read: Read = (path) => fetched(artifactsUrl + path);
  const manifest = readManifest(new TextDecoder().decode(await read("manifest.json")));
  const pipelines = pipelinesOf(manifest);
  onProgress({ what: "runtime", done: 0, total: 1 });
  const engine = await startRuntime(wasmUrl, choice.accelerator ?? "wasm");
  const precision = choice.precision ?? USUAL[engine.used];
  const pipeline = pipelines.find((p) => p.precision === precision) ?? pipelines[0];
  session = { manifest, pipeline, read, engine };
  if (engine.used === "webgpu") await checkAccelerator(session);
  if (willOpen) void warmUp(session);
  return {
    engine: session.engine,
    precision: pipeline.precision,
    precisions: pipelines.map((p) => p.precision),
    files: tfliteOf(manifest).map((a) => a.id),
    tile: sizeOf(artifactOf(manifest, pipeline.refocus)),
    version: manifest.reblur_version,
    exported: manifest.created.slice(0, 10),
  };
}

/** Loads the networks and runs each once, while nobody asks for anything: the first run of a file is a slow one. */
async function warmUp({ manifest, pipeline }: Session): Promise<void> {
  const preview = previewOf(manifest, pipeline);
  const ids = [pipeline.defocus, pipeline.deblur, pipeline.refocus, ...(preview ? [preview.id] : [])];
  for (const id of ids) {
    await idle();
    if (current) return; // they have run by now
    await exclusively(async () => {
      const graph = await load(artifactOf(manifest, id));
      const tensors = manifest.graphs[graph.artifact.graph].inputs.map(
        ({ name, channels }) => [name, raster(graph.height, graph.width, channels)] as const,
      );
      await graph.run(Object.fromEntries(tensors));
    }).catch(() => undefined); // whoever needs the file is told
  }
}

/** WebGPU is used only where each graph answers its golden vector; else everything is put on wasm, and that is said. */
async function checkAccelerator(of: Session): Promise<void> {
  const { pipeline, manifest, read } = of;
  for (const id of [pipeline.defocus, pipeline.deblur, pipeline.refocus]) {
    let why = "";
    try {
      const graph = await load(artifactOf(manifest, id));
      if (graph.used !== "webgpu") why = `WebGPU does not take all of ${id}.`;
      else if (!(await isTrustworthy({ manifest, read }, graph))) why = `WebGPU answers ${id} wrongly.`;
    } catch (error) {
      why = `WebGPU fails on ${id}: ${firstLine(error)}.`;
    }
    if (why) {
      graphs.clear();
      of.engine = { ...of.engine, used: "wasm", why };
      return;
    }
  }
}

async function open({ file, name }: Given<"open">, onProgress: OnProgress): Promise<Opened> {
  const { manifest, pipeline, engine } = started();
  const timings: Timing[] = [];
  let since = performance.now();
  const timed = (stage: string) => {
    timings.push({ stage, ms: performance.now() - since });
    since = performance.now();
  };
  onProgress({ what: "Reading the photograph", done: 0, total: 1 });
  const photo = await readPhoto(file, name);
  timed("decode");
  const [defocus, deblur, refocusGraph] = await Promise.all(
    [pipeline.defocus, pipeline.deblur, pipeline.refocus].map((id) => load(artifactOf(manifest, id))),
  );
  timed("load");
  const analysis = await analyse(
    manifest,
    { defocus, deblur },
    photo.pixels,
    (stage, ms) => timings.push({ stage, ms }),
    (done, total) => {
      onProgress({ what: "Estimating and removing blur", done, total });
    },
  );
  const preview = previewOf(manifest, pipeline);
  const stack = new PreviewStack(manifest, preview ? await load(preview) : refocusGraph, analysis);
  current = { photo, analysis, stack };
  void grow(stack);
  const [nearest, farthest] = nearAndFar(analysis.defocusPx);
  const mapMostPx = Math.max(1, Math.ceil(farthest));
  return {
    name,
    photo: { height: photo.pixels.height, width: photo.pixels.width },
    original: screenOf(analysis.picture),
    map: screenOf(coloured(analysis.defocusPx, mapMostPx)),
    mapMostPx,
    focus: automaticFocus(analysis.picture, analysis.sigmaPx),
    nearest,
    farthest,
    timings,
    engine,
    notes: photo.notes,
  };
}

/** Makes the stack of previews a picture at a time, whatever is asked meanwhile coming first. */
async function grow(stack: PreviewStack): Promise<void> {
  for (;;) {
    await idle();
    if (stack !== current?.stack) return;
    if (!(await exclusively(() => stack.grow()))) return;
  }
}

/** So long nobody may have asked for anything before work begins that nobody waits for. */
const QUIET_MS = 250;
let asked = 0;
let lastAsked = 0;

function idle(): Promise<void> {
  return new Promise((resolve) => {
    const wait = () => {
      if (asked === 0 && performance.now() - lastAsked > QUIET_MS) resolve();
      else setTimeout(wait, 50);
    };
    setTimeout(wait); // so that what was asked while work went on is heard
  });
}

async function refocusScreen(lens: Lens): Promise<Answer<"refocus">> {
  const { manifest, pipeline } = started();
  const { analysis } = opened();
  const graph = await load(artifactOf(manifest, pipeline.refocus));
  const since = performance.now();
  const picture = await refocus(manifest, graph, analysis, lens);
  const rendered = performance.now();
  const screen = screenOf(picture);
  const { focus } = lens;
  const { optics } = manifest.conventions;
  return {
    screen,
    focusDefocusPx:
      "defocusPx" in focus
        ? focus.defocusPx
        : defocusAt(analysis.defocusPx, analysis.confidence, focus.x, focus.y, optics),
    timings: [
      { stage: "refocus", ms: rendered - since },
      { stage: "to screen", ms: performance.now() - rendered },
    ],
  };
}

async function save(lens: Lens, onProgress: OnProgress): Promise<Answer<"save">> {
  const { manifest, pipeline } = started();
  const { photo, analysis } = opened();
  const graph = await load(artifactOf(manifest, pipeline.refocus));
  const since = performance.now();
  const rgba = await refocusPhoto(manifest, graph, analysis, lens, photo.pixels, (done, total) => {
    onProgress({ what: "Refocusing at full size", done, total });
  });
  const rendered = performance.now();
  const { blob, extension } = await photo.encode(rgba);
  return {
    blob,
    name: `${photo.name.replace(/\.[^.]+$/, "")}-refocused.${extension}`,
    timings: [
      { stage: "refocus at full size", ms: rendered - since },
      { stage: "encode", ms: performance.now() - rendered },
    ],
    notes: photo.notes,
  };
}

function load(artifact: Artifact): Promise<LoadedGraph> {
  const { manifest, read, engine } = started();
  let found = graphs.get(artifact.id);
  if (!found) {
    found = loadGraph(manifest, artifact, read, engine.used);
    graphs.set(artifact.id, found);
    found.catch(() => graphs.delete(artifact.id));
  }
  return found;
}

function started(): Session {
  if (!session) throw new Error("the worker was not started");
  return session;
}

function opened(): NonNullable<typeof current> {
  if (!current) throw new StudioError("There is no photograph to refocus: open one first.");
  return current;
}

function screenOf(picture: Raster): Screen {
  return { height: picture.height, width: picture.width, rgba: asRgba(picture) };
}

async function fetched(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const path = url.slice(url.lastIndexOf("/") + 1);
  let response: Response;
  try {
    response = await fetch(url);
  } catch {
    throw new StudioError(`${path} cannot be fetched: check that the studio's server is running.`);
  }
  if (!response.ok) throw new StudioError(`${path} is not there (${response.status}): serve the folder of an export.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Pixels of an answer go over to the page without being copied. */
function transferables(answer: unknown): ArrayBuffer[] {
  if (answer === null || typeof answer !== "object") return [];
  return Object.values(answer).flatMap((value: unknown) => {
    if (value instanceof Uint8ClampedArray) return [value.buffer as ArrayBuffer];
    return typeof value === "object" && !(value instanceof Blob) ? transferables(value) : [];
  });
}

let last: Promise<unknown> = Promise.resolve();

/** One thing at a time: graphs are not made to run while they run. */
function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work);
  last = result.catch(() => undefined);
  return result;
}

function reply(message: Reply, transfer: Transferable[] = []): void {
  self.postMessage(message, { transfer });
}

self.addEventListener("message", (event: MessageEvent<{ id: number; method: Method; given: never }>) => {
  const { id, method, given } = event.data;
  asked++;
  const onProgress: OnProgress = (progress) => {
    reply({ id, progress });
  };
  const run = METHODS[method] as (given: never, onProgress: OnProgress) => Promise<unknown>;
  exclusively(() => run(given, onProgress))
    .then(
      (answer: unknown) => {
        reply({ id, answer }, transferables(answer));
      },
      (error: unknown) => {
        const isMistake = error instanceof StudioError;
        reply({ id, error: isMistake ? error.message : firstLine(error), isMistake });
      },
    )
    .finally(() => {
      asked--;
      lastAsked = performance.now();
    });
});

