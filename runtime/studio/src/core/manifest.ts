/** Reads manifest.json, as far as the studio goes by it, and refuses what it does not know. */

export interface TensorMeaning {
  readonly name: string;
  readonly channels: number;
  readonly range: readonly [number, number];
}

export interface GraphRecord {
  readonly summary: string;
  readonly halo_px: number;
  readonly inputs: readonly TensorMeaning[];
  readonly outputs: readonly TensorMeaning[];
}

export interface ArtifactTensor {
  readonly name: string;
  readonly dtype: string;
  readonly layout: string;
  readonly shape: readonly number[];
  readonly divisor: number;
}

export interface ArtifactFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Artifact {
  readonly id: string;
  readonly graph: string;
  readonly format: string;
  readonly precision: string;
  readonly path: string;
  readonly files: readonly ArtifactFile[];
  readonly inputs: readonly ArtifactTensor[];
  readonly outputs: readonly ArtifactTensor[];
  readonly status: string;
  readonly entry: string;
}

export interface PipelineRecord {
  readonly backend: string;
  readonly precision: string;
  readonly defocus: string;
  readonly deblur: string;
  readonly refocus: string;
  readonly height_px: number;
  readonly width_px: number;
  readonly status: string;
}

export interface Smoothing {
  readonly kind: string;
  readonly reduction: number;
  readonly radius: number;
  readonly least_radius: number;
  readonly wider: number;
  readonly wider_weight: number;
  readonly epsilon: number;
  readonly luma: readonly [number, number, number];
  readonly flat_gradient: number;
  readonly confidence_floor: number;
}

export interface Optics {
  readonly kind: string;
  readonly reference_f_number: number;
  readonly in_focus_px: readonly [number, number];
  readonly tap_radius: number;
  readonly least_tap_radius: number;
}

export interface Highlights {
  readonly kind: string;
  readonly clipped: readonly [number, number];
  readonly largest_light: number;
  readonly around: number;
  readonly crowded: number;
}

export interface Conventions {
  readonly grey_within: number;
  readonly smoothing: Smoothing;
  readonly optics: Optics;
  readonly highlights: Highlights;
  readonly agreement: { readonly from_px: number; readonly to_px: number };
}

export interface GoldenTensor {
  readonly name: string;
  readonly path: string;
  readonly dtype: "uint8" | "int8" | "float32";
  readonly shape: readonly number[];
  readonly sha256: string;
  /** Of an input. */
  readonly divisor?: number;
  /** Of an output. */
  readonly stride_px?: number;
}

export interface Tolerance {
  readonly statistic: "rms" | "mean" | "p99";
  readonly at_most: number;
}

export interface GoldenCase {
  readonly graph: string;
  readonly case: string;
  readonly height_px: number;
  readonly width_px: number;
  readonly inputs: readonly GoldenTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly tolerances: Readonly<Record<string, readonly Tolerance[]>>;
}

export interface GoldenChain {
  readonly photo: GoldenTensor;
  readonly focus_xy: readonly [number, number];
  readonly f_number: number;
  readonly sigma_px: GoldenTensor;
  readonly defocus_px: GoldenTensor;
  readonly target_sigma_px: GoldenTensor;
  readonly refocused: GoldenTensor;
  readonly map_tolerance_px: number;
  readonly tolerances: Readonly<Record<string, readonly Tolerance[]>>;
}

/** How large a photograph is worked on. */
export interface WorkingSizeRules {
  readonly long_side_px: number;
  readonly one_call_share?: number | null;
}

export interface Manifest {
  readonly schema_version: number;
  readonly reblur_version: string;
  readonly created: string;
  readonly checkpoint: ArtifactFileName;
  readonly sizes: readonly { readonly height_px: number; readonly width_px: number }[];
  readonly sigma_max_px: number;
  readonly resize: WorkingSizeRules & { readonly filter: string };
  readonly tiling: { readonly alignment_px: number; readonly padding: string };
  readonly conventions: Conventions;
  readonly graphs: Readonly<Record<string, GraphRecord>>;
  readonly artifacts: readonly Artifact[];
  readonly pipelines: readonly PipelineRecord[];
  readonly golden: readonly GoldenCase[];
  readonly golden_chain?: GoldenChain | null;
}

interface ArtifactFileName {
  readonly name: string;
  readonly sha256: string;
}

/** What this reader was written for: anything else means something that it would get wrong. */
const KNOWN: readonly (readonly [string, (manifest: Manifest) => unknown, unknown])[] = [
  ["schema_version", (m) => m.schema_version, 5],
  ["resize.filter", (m) => m.resize.filter, "lanczos3"],
  ["tiling.padding", (m) => m.tiling.padding, "edge"],
  ["conventions.smoothing.kind", (m) => m.conventions.smoothing.kind, "fast weighted guided filter"],
  ["conventions.optics.kind", (m) => m.conventions.optics.kind, "signed thin lens"],
  ["conventions.highlights.kind", (m) => m.conventions.highlights.kind, "isolated clipped pixels"],
];

/** A sentence for the person in front of the page: what was expected, what came, what to do. */
export class StudioError extends Error {
  override readonly name = "StudioError";
}

export function readManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new StudioError("manifest.json is not JSON: serve the folder that an export wrote.");
  }
  const manifest = value as Manifest;
  for (const [name, of, expected] of KNOWN) {
    const found = foundIn(manifest, of);
    if (found !== expected) {
      const what = found === undefined ? `no ${name}` : `${name} ${JSON.stringify(found)}`;
      throw new StudioError(`The export has ${what}, expected ${JSON.stringify(expected)}: export again.`);
    }
  }
  return manifest;
}

function foundIn(manifest: Manifest, of: (manifest: Manifest) => unknown): unknown {
  try {
    return of(manifest);
  } catch {
    return undefined;
  }
}

/** Files that the studio runs: TFLite, made and passed. */
export function tfliteOf(manifest: Manifest): Artifact[] {
  return manifest.artifacts.filter((a) => a.format === "tflite" && a.status === "passed");
}

/** The pipelines that a browser can run, of the first size, in the manifest's order: the finest first. */
export function pipelinesOf(manifest: Manifest): PipelineRecord[] {
  const [first] = manifest.sizes;
  const found = manifest.pipelines.filter(
    (p) =>
      p.backend === "tflite" &&
      p.status === "passed" &&
      p.height_px === first.height_px &&
      p.width_px === first.width_px,
  );
  if (found.length === 0) throw new StudioError("The export has no TFLite pipeline that passed: export again.");
  return found;
}

export function artifactOf(manifest: Manifest, id: string): Artifact {
  const found = manifest.artifacts.find((a) => a.id === id);
  if (!found) throw new StudioError(`The export names ${id}, which it does not list: export again.`);
  return found;
}

/** The quick form of the refocusing graph, of the pipeline's size, where there is one. */
export function previewOf(manifest: Manifest, pipeline: PipelineRecord): Artifact | undefined {
  return tfliteOf(manifest).find((a) => {
    const size = sizeOf(a);
    return a.graph === "preview" && size.height === pipeline.height_px && size.width === pipeline.width_px;
  });
}

/** Height and width that a file takes. */
export function sizeOf(artifact: Artifact): { height: number; width: number } {
  const { shape, layout } = artifact.inputs[0];
  return { height: shape[layout.indexOf("H")], width: shape[layout.indexOf("W")] };
}

/** Largest sigma that the refocusing graph renders. */
export function targetMaxPx(manifest: Manifest): number {
  const tensor = manifest.graphs.refocus.inputs.find((input) => input.name === "target_sigma_px");
  if (!tensor) throw new StudioError("The export's refocusing graph takes no target_sigma_px: export again.");
  return tensor.range[1];
}
