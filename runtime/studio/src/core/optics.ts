/** The manifest's "signed thin lens": from a tapped point and an aperture to the blur of every pixel. */
import type { Optics } from "./manifest";
import { type Raster, clip, halfToEven, ramp, raster } from "./raster";

/** What is to be sharp: a point of the picture, x rightwards and y downwards in [0, 1], or a defocus in pixels. */
export type Focus = { readonly x: number; readonly y: number } | { readonly defocusPx: number };

/** Defocus at a point: the mean around it, a finger's width, each value counting as far as it is to be trusted. */
export function defocusAt(defocusPx: Raster, confidence: Raster, x: number, y: number, rules: Optics): number {
  const { height: rows, width: columns } = confidence;
  const column = Math.min(Math.floor(x * columns), columns - 1);
  const row = Math.min(Math.floor(y * rows), rows - 1);
  const radius = Math.max(rules.least_tap_radius, halfToEven(rules.tap_radius * Math.max(rows, columns)));
  let [sum, total] = [0, 0];
  for (let r = Math.max(0, row - radius); r < Math.min(rows, row + radius + 1); r++) {
    const line = pixelOf(r, rows, defocusPx.height) * defocusPx.width;
    for (let c = Math.max(0, column - radius); c < Math.min(columns, column + radius + 1); c++) {
      const weight = confidence.data[r * columns + c];
      sum += weight * defocusPx.data[line + pixelOf(c, columns, defocusPx.width)];
      total += weight;
    }
  }
  return sum / total;
}

/** The pixel of the larger grid in the middle of a place of the smaller one. */
function pixelOf(place: number, small: number, large: number): number {
  return Math.min(Math.floor(((place + 0.5) * large) / small), large - 1);
}

/** Signed sigma that each pixel gets: 0 at the focus, negative in front of it. */
export function targetSigmaPx(
  defocusPx: Raster,
  confidence: Raster,
  focus: Focus,
  fNumber: number,
  sigmaMaxPx: number,
  rules: Optics,
): Raster {
  const at = "defocusPx" in focus ? focus.defocusPx : defocusAt(defocusPx, confidence, focus.x, focus.y, rules);
  const gain = rules.reference_f_number / fNumber;
  const [low, high] = rules.in_focus_px;
  const data = defocusPx.data.map((value) => {
    const difference = value - at;
    return clip(gain * ramp(Math.abs(difference), low, high) * difference, -sigmaMaxPx, sigmaMaxPx);
  });
  return raster(defocusPx.height, defocusPx.width, 1, data);
}

const ENDS = [0.02, 0.98];

/** Defocus of the nearest and of the farthest thing, noise left out: what a sweep goes through. */
export function nearAndFar(defocusPx: Raster): [number, number] {
  const sorted = Float32Array.from(defocusPx.data).sort();
  const [near, far] = ENDS.map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  return [near, far];
}
