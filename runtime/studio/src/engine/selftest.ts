/** Runs the golden vectors of a TFLite file here, and writes what was found as rows of the benchmarks. */
import { errorsOf, goldenInput, goldenRaster, judged } from "../core/golden";
import type { Read } from "../core/files";
import { type Artifact, type GoldenCase, type Manifest, artifactOf, sizeOf, targetMaxPx } from "../core/manifest";
import { targetSigmaPx } from "../core/optics";
import { lumaOf, smoothDefocus, textureConfidence } from "../core/smoothing";
import type { Tensors } from "../core/tiling";
import { type LoadedGraph, RUNTIME, firstLine } from "./litert";
import type { Engine } from "./messages";
import { type Parity, type Row, type Surroundings, rowOf } from "./rows";

export interface Result {
  readonly id: string;
  readonly status: "passed" | "failed";
  readonly reason: string;
  readonly cases: number;
  /** Largest share of a tolerance that was used up: above 1 is a miss. */
  readonly worst: number;
  readonly used: string;
  readonly medianMs: number;
}

export interface SelfTestReport {
  readonly result: Result;
  readonly rows: Row[];
}

/** In the place of an artifact's id: what happens between the graphs. */
export const CONVENTIONS = "smoothing and optics";

export interface SelfTest {
  readonly manifest: Manifest;
  readonly read: Read;
  readonly engine: Engine;
  readonly surroundings: Surroundings;
  /** Timed runs of each file. */
  readonly runs: number;
  readonly load: (artifact: Artifact) => Promise<LoadedGraph>;
}

export async function selfTest(test: SelfTest, id: string): Promise<SelfTestReport> {
  if (id === CONVENTIONS) return { result: await conventionsResult(test), rows: [] };
  return tried(test, artifactOf(test.manifest, id));
}

/** What happens between the graphs, against the golden chain. */
async function conventionsResult({ manifest, read }: SelfTest): Promise<Result> {
  const common = { id: CONVENTIONS, used: "TypeScript", medianMs: 0, cases: 2 };
  const chain = manifest.golden_chain;
  if (!chain) return { ...common, status: "failed", reason: "the export has no golden chain", worst: NaN, cases: 0 };
  try {
    const { smoothing, optics } = manifest.conventions;
    const [photo, sigma, defocus] = await Promise.all(
      [chain.photo, chain.sigma_px, chain.defocus_px].map((tensor) => goldenRaster(read, tensor)),
    );
    const confidence = textureConfidence(lumaOf(photo, smoothing), smoothing);
    const [x, y] = chain.focus_xy;
    const target = targetSigmaPx(defocus, confidence, { x, y }, chain.f_number, targetMaxPx(manifest), optics);
    const { defocusPx } = smoothDefocus(sigma, photo, manifest.sigma_max_px, smoothing);
    const [ofMap, ofTarget] = await Promise.all([
      errorsOf(read, chain.defocus_px, defocusPx),
      errorsOf(read, chain.target_sigma_px, target),
    ]);
    const worst = Math.max(...ofMap, ...ofTarget) / chain.map_tolerance_px;
    const passed = worst <= 1;
    return { ...common, status: passed ? "passed" : "failed", reason: passed ? "" : "maps differ", worst };
  } catch (error) {
    return { ...common, status: "failed", reason: firstLine(error), worst: NaN };
  }
}

async function tried(test: SelfTest, artifact: Artifact): Promise<SelfTestReport> {
  const { manifest, engine, surroundings } = test;
  const size = sizeOf(artifact);
  const cases = manifest.golden.filter(
    (c) => c.graph === artifact.graph && c.height_px === size.height && c.width_px === size.width,
  );
  const parity: Parity[] = [];
  const times: number[] = [];
  let [reason, used, compileMs] = ["", engine.used as string, 0];
  try {
    if (cases.length === 0) throw new Error(`there is no golden case for ${artifact.graph}`);
    const graph = await test.load(artifact);
    [used, compileMs] = [graph.used, graph.compileMs];
    for (const golden of cases) parity.push(...(await compared(test, graph, golden)));
    const inputs = await inputsOf(test.read, cases[0]);
    for (let run = 0; run < test.runs; run++) {
      const since = performance.now();
      await graph.run(inputs);
      times.push(performance.now() - since);
    }
    reason = missOf(parity);
  } catch (error) {
    reason = firstLine(error);
  }
  const row = { artifact, size, engine: { ...engine, used }, runtime: RUNTIME, surroundings, reason };
  const rows = [rowOf({ ...row, pass: "parity", parity, timing: null })];
  if (times.length > 0) {
    const timing = { cold_load_ms: [compileMs], warm_up_runs: cases.length, raw_ms: times, started_s: null };
    rows.push(rowOf({ ...row, pass: "latency", parity: [], timing: { ...timing, quick: true } }));
  }
  const worst = Math.max(...parity.map(({ value, limit }) => (value ?? NaN) / limit!), 0);
  const medianMs = times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;
  const status = reason ? "failed" : "passed";
  return { result: { id: artifact.id, status, reason, cases: cases.length, worst, used, medianMs }, rows };
}

function missOf(parity: readonly Parity[]): string {
  const miss = parity.find((entry) => !entry.passed);
  if (!miss) return "";
  return `on ${miss.case}, ${miss.statistic} error ${miss.value?.toPrecision(3) ?? "NaN"} > ${miss.limit!.toPrecision(3)}`;
}

async function compared(test: SelfTest, graph: LoadedGraph, golden: GoldenCase): Promise<Parity[]> {
  // A delegate that computes in half precision is judged so, whatever the file's precision.
  const { precision } = graph.artifact;
  const arithmetic = graph.used === "webgpu" && precision === "fp32" ? "fp16" : precision;
  if (!(arithmetic in golden.tolerances)) throw new Error(`${golden.case} has no tolerance for ${arithmetic}`);
  const answer = await graph.run(await inputsOf(test.read, golden));
  const [output] = golden.outputs;
  const errors = await errorsOf(test.read, output, answer);
  return judged(errors, golden.tolerances[arithmetic]).map(({ statistic, value, atMost, passed }) => ({
    against: "golden",
    case: golden.case,
    tensor: output.name,
    statistic,
    value: Number.isFinite(value) ? value : null,
    limit: atMost,
    passed,
  }));
}

async function inputsOf(read: Read, golden: GoldenCase): Promise<Tensors> {
  const { height_px: height, width_px: width } = golden;
  const found = await Promise.all(
    golden.inputs.map(async (tensor) => [tensor.name, await goldenInput(read, tensor, height, width)] as const),
  );
  return Object.fromEntries(found);
}

/** Whether a graph answers its first golden vector well enough: what makes an accelerator one to trust. */
export async function isTrustworthy(test: Pick<SelfTest, "manifest" | "read">, graph: LoadedGraph): Promise<boolean> {
  const golden = test.manifest.golden.find(
    (c) => c.graph === graph.artifact.graph && c.height_px === graph.height && c.width_px === graph.width,
  );
  if (!golden) return false;
  const parity = await compared(test as SelfTest, graph, golden);
  return parity.every((entry) => entry.passed);
}
