/** Runs the .tflite files of an export with LiteRT.js: in wasm, with threads where the page may have them, or WebGPU. */
import {
  type CompiledModel,
  type LiteRt,
  Tensor,
  getWebGpuDevice,
  loadAndCompile,
  loadLiteRt,
  supportsFeature,
} from "@litertjs/core";
import { type Read, readChecked } from "../core/files";
import { type Artifact, type Manifest, StudioError, sizeOf } from "../core/manifest";
import { type Raster, raster } from "../core/raster";
import type { Graph, Tensors } from "../core/tiling";
import type { Accelerator, Engine } from "./messages";

declare global {
  // What LiteRT.js hands to its wasm module.
  var Module: { locateFile: (file: string) => string; mainScriptUrlOrBlob: string } | undefined;
}

/** The version that package.json pins. */
export const RUNTIME = { name: "@litertjs/core", version: __LITERT_VERSION__ };

/**
 * Loads the runtime, once.
 *
 * @param wasmUrl the folder of its wasm files, with a slash at its end.
 */
export async function startRuntime(wasmUrl: string, requested: Accelerator): Promise<Engine> {
  const threads = crossOriginIsolated && (await supportsFeature("relaxedSimd")) && (await supportsFeature("threads"));
  globalThis.Module = {
    locateFile: (file) => wasmUrl + file,
    mainScriptUrlOrBlob: `${wasmUrl}litert_wasm_threaded_internal.js`,
  };
  const runtime: LiteRt = await loadLiteRt(wasmUrl, { threads });
  const gpu = Boolean(deviceOrNull());
  return {
    requested,
    used: requested === "webgpu" && gpu ? "webgpu" : "wasm",
    why: requested === "webgpu" && !gpu ? "This browser gives no WebGPU device." : "",
    threads: threads ? runtime.liteRtWasm.getThreadCount() : 1,
  };
}

function deviceOrNull(): unknown {
  try {
    return getWebGpuDevice();
  } catch {
    return null;
  }
}

/** A file of the export, compiled. It stays loaded: after one is let go, later ones run without XNNPACK. */
export interface LoadedGraph extends Graph {
  readonly artifact: Artifact;
  /** Where it really runs: what WebGPU does not take whole, LiteRT.js puts on wasm. */
  readonly used: Accelerator;
  readonly compileMs: number;
}

export async function loadGraph(
  manifest: Manifest,
  artifact: Artifact,
  read: Read,
  accelerator: Accelerator,
): Promise<LoadedGraph> {
  const bytes = await readChecked(read, artifact.files[0]);
  const since = performance.now();
  let model: CompiledModel;
  try {
    model = await loadAndCompile(bytes, { accelerator });
  } catch (error) {
    throw new StudioError(`LiteRT.js cannot load ${artifact.path}: ${firstLine(error)}.`);
  }
  const size = sizeOf(artifact);
  const record = manifest.graphs[artifact.graph];
  return {
    ...size,
    haloPx: record.halo_px,
    alignmentPx: manifest.tiling.alignment_px,
    artifact,
    used: model.options.accelerator === "webgpu" ? "webgpu" : "wasm",
    compileMs: performance.now() - since,
    run: (inputs) => runModel(model, artifact, inputs),
  };
}

async function runModel(model: CompiledModel, artifact: Artifact, inputs: Tensors): Promise<Raster> {
  const given = artifact.inputs.map(({ name, shape }) => new Tensor(inputs[name].data, [...shape]));
  try {
    const [output, ...others] = await model.run(given);
    others.forEach((tensor) => {
      tensor.delete();
    });
    const data = (await output.data()) as Float32Array;
    output.delete();
    const { shape, layout } = artifact.outputs[0];
    const [height, width, channels] = ["H", "W", "C"].map((axis) => shape[layout.indexOf(axis)]);
    return raster(height, width, channels, data);
  } finally {
    given.forEach((tensor) => {
      tensor.delete();
    });
  }
}

export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n")[0].replace(/\.$/, "");
}
