/** A measurement as benchmarks/row.schema.json describes it. */
import type { Artifact } from "../core/manifest";
import type { Size } from "../core/raster";

/** What measured, and on what. */
export interface Surroundings {
  readonly runId: string;
  readonly version: string;
  readonly browser: string;
  readonly os: string;
  readonly cores: number;
  readonly memoryMib: number | null;
}

export interface Parity {
  readonly against: "golden";
  readonly case: string;
  readonly tensor: string;
  readonly statistic: string;
  readonly value: number | null;
  readonly limit: number | null;
  readonly passed: boolean;
}

export interface Timing {
  readonly cold_load_ms: number[];
  readonly warm_up_runs: number;
  readonly raw_ms: number[];
  readonly started_s: null;
  readonly quick: true;
}

export type Row = Readonly<Record<string, unknown>>;

const ACCELERATORS: Readonly<Record<string, "cpu" | "gpu">> = { wasm: "cpu", webgpu: "gpu" };

export function rowOf(given: {
  artifact: Artifact;
  size: Size;
  engine: { requested: string; used: string; threads: number };
  runtime: { name: string; version: string };
  surroundings: Surroundings;
  reason: string;
  pass: "parity" | "latency";
  parity: readonly Parity[];
  timing: Timing | null;
}): Row {
  const { artifact, size, engine, runtime, surroundings, reason, pass, parity, timing } = given;
  const [requested, used] = [engine.requested, engine.used].map((name) => ACCELERATORS[name]);
  const file = artifact.files[0];
  const id = artifact.id.toLowerCase();
  return {
    schema_version: 1,
    run_id: surroundings.runId,
    measured_at: new Date().toISOString(),
    case: `${artifact.graph}/${id}/${size.height}x${size.width}/tflite-${requested}/${engine.threads}t`,
    pass,
    stage: artifact.graph,
    status: reason ? "failed" : "ok",
    reason,
    is_sample: false,
    subject: {
      kind: "artifact",
      id: artifact.id,
      sha256: file.sha256,
      bytes: file.bytes,
      precision: artifact.precision,
      shape: [size.height, size.width],
    },
    engine: {
      backend: "tflite",
      runtime: runtime.name,
      runtime_version: runtime.version,
      accelerator_requested: requested,
      accelerator_used: used,
      nodes_delegated: null,
      nodes_total: null,
      partitions: null,
      threads: engine.threads,
    },
    device: {
      kind: "browser",
      name: surroundings.browser,
      soc: null,
      cores: surroundings.cores,
      memory_mib: surroundings.memoryMib,
      os: surroundings.os,
      os_version: null,
    },
    app: { name: "studio", version: surroundings.version, build_type: "release" },
    conditions: {
      clocks_pinned: null,
      gate: null,
      thermal_before: null,
      thermal_after: null,
      battery_percent: null,
      charging: null,
      low_power: null,
      load_before: null,
    },
    repeat: { index: 1, of: 1 },
    timing,
    memory: null,
    parity,
    figures: {},
  };
}
