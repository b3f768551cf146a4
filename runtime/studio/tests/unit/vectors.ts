/** What the Python runtime made of small inputs: `make studio-test` writes the file before it runs these tests. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect } from "vitest";
import { type Read } from "../../src/core/files";
import { type Manifest, readManifest } from "../../src/core/manifest";
import { type Raster, raster } from "../../src/core/raster";
import type { Graph } from "../../src/core/tiling";

const ROOT = resolve(import.meta.dirname, "../../../..");
/** The golden vectors' own tolerance, and that of everything else. */
export const TOLERANCE = 1e-5;

interface Numbers {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: number[];
}

export interface Vectors {
  readonly picture: Numbers;
  readonly sigma_px: Numbers;
  readonly smoothing: { defocus_px: Numbers; confidence: Numbers };
  readonly optics: { focus: [number, number] | number; f_number: number; target_sigma_px: Numbers }[];
  readonly lamps: { sharp: Numbers; lit: Numbers };
  readonly resize: { of: Numbers; lanczos: Numbers; box: Numbers; part: Numbers };
  readonly autofocus: { sigma_px: Numbers; focus: [number, number] };
  readonly working_sizes: {
    readonly graph: [number, number];
    readonly long_side_px: number;
    readonly one_call_share: number;
    readonly cases: [number, number, number, number][];
  };
  readonly spans: { size: number; tile: number; halo: number; padded: number; spans: [number, number, number][] }[];
  readonly exif: { block: string; orientation: number; upright: string; resized: string }[];
  readonly photograph: {
    samples: Numbers;
    focus: [number, number];
    f_number: number;
    long_side_px: number;
    defocus_px: Numbers;
    screen: Numbers;
    full: number[];
  };
}

export const vectors = JSON.parse(readFileSync(resolve(ROOT, "build/studio-vectors.json"), "utf8")) as Vectors;

export function rasterOf({ height, width, channels, data }: Numbers): Raster {
  return raster(height, width, channels, Float32Array.from(data));
}

export function largestError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(found.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < found.length; i++) largest = Math.max(largest, Math.abs(found[i] - expected[i]));
  return largest;
}

/** The export that the tests use: STUDIO_ARTIFACTS, or artifacts/. */
export const ARTIFACTS = resolve(ROOT, process.env.STUDIO_ARTIFACTS ?? "artifacts");

export const read: Read = (path) => Promise.resolve(new Uint8Array(readFileSync(resolve(ARTIFACTS, path))));

export function exported(): Manifest {
  const path = resolve(ARTIFACTS, "manifest.json");
  if (!existsSync(path)) throw new Error(`no export in ${ARTIFACTS}: make export, or set STUDIO_ARTIFACTS`);
  return readManifest(readFileSync(path, "utf8"));
}

/** The graphs without weights of tests/runtime/studio/vectors.py. */
export function standIns(): { defocus: Graph; deblur: Graph; refocus: Graph } {
  const graph = (run: Graph["run"]): Graph => ({ height: 96, width: 160, haloPx: 8, alignmentPx: 16, run });
  const pixelwise = (of: Raster, channels: number, value: (pixel: number, channel: number) => number): Raster => {
    const result = raster(of.height, of.width, channels);
    for (let i = 0; i < of.height * of.width; i++) {
      for (let c = 0; c < channels; c++) result.data[i * channels + c] = value(i, c);
    }
    return result;
  };
  return {
    defocus: graph(({ image }) => Promise.resolve(pixelwise(image, 1, (i) => image.data[3 * i] * 6))),
    deblur: graph(({ image, sigma_px: sigma }) =>
      Promise.resolve(
        pixelwise(image, 3, (i, c) => {
          const value = image.data[3 * i + c];
          return value + sigma.data[i] * 0.1 * (value - 0.5);
        }),
      ),
    ),
    refocus: graph(({ sharp, target_sigma_px: target }) =>
      Promise.resolve(
        pixelwise(sharp, 3, (i, c) => {
          const value = sharp.data[3 * i + c];
          return value + Math.min(Math.abs(target.data[i]) / 8, 1) * (0.4 - value);
        }),
      ),
    ),
  };
}
