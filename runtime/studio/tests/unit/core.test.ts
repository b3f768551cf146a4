import { expect, test } from "vitest";
import { automaticFocus } from "../../src/core/autofocus";
import { recovered } from "../../src/core/highlights";
import { targetSigmaPx } from "../../src/core/optics";
import { analyse, refocus, refocusPhoto, workingSize } from "../../src/core/pipeline";
import { channel, raster } from "../../src/core/raster";
import { enlargedPart } from "../../src/core/rendering";
import { pixelsOf, resize, shrunk } from "../../src/core/resize";
import { smoothDefocus } from "../../src/core/smoothing";
import { paddedLength, spans } from "../../src/core/tiling";
import { TOLERANCE, exported, largestError, rasterOf, standIns, vectors } from "./vectors";

const manifest = exported();
const { smoothing, optics, highlights } = manifest.conventions;

test("smoothing spreads the map as the runtime does", () => {
  const [sigma, picture] = [vectors.sigma_px, vectors.picture].map(rasterOf);
  const { defocusPx, confidence } = smoothDefocus(sigma, picture, manifest.sigma_max_px, smoothing);
  expect(largestError(defocusPx.data, vectors.smoothing.defocus_px.data)).toBeLessThan(TOLERANCE);
  expect(largestError(confidence.data, vectors.smoothing.confidence.data)).toBeLessThan(TOLERANCE);
});

test.each(vectors.optics)("the optics ask for the same blur at $focus and f/$f_number", (given) => {
  const [defocusPx, confidence] = [vectors.smoothing.defocus_px, vectors.smoothing.confidence].map(rasterOf);
  const { focus, f_number: fNumber } = given;
  const point = typeof focus === "number" ? { defocusPx: focus } : { x: focus[0], y: focus[1] };
  const target = targetSigmaPx(defocusPx, confidence, point, fNumber, 32, optics);
  expect(largestError(target.data, given.target_sigma_px.data)).toBeLessThan(TOLERANCE);
});

test("lamps grow as bright", () => {
  const lit = recovered(rasterOf(vectors.lamps.sharp), highlights, smoothing.reduction);
  expect(largestError(lit.data, vectors.lamps.lit.data)).toBeLessThan(TOLERANCE);
});

test("a picture without lamps stays the very picture", () => {
  const dark = raster(8, 8, 3);
  expect(recovered(dark, highlights, smoothing.reduction)).toBe(dark);
});

test("resampling is Pillow's", () => {
  const of = rasterOf(vectors.resize.of);
  const lanczos = shrunk(pixelsOf(of), { height: 17, width: 23 });
  expect(largestError(lanczos.data, vectors.resize.lanczos.data)).toBeLessThan(TOLERANCE);
  const box = resize(pixelsOf(channel(of, 0)), { height: 13, width: 20 }, "box");
  expect(largestError(box.data, vectors.resize.box.data)).toBeLessThan(TOLERANCE);
  const part = enlargedPart(of, { height: 93, width: 130 }, { top: 20, bottom: 61, left: 37, right: 130 });
  expect(largestError(part.data, vectors.resize.part.data)).toBeLessThan(TOLERANCE);
});

test("the automatic focus is the same place", () => {
  const { x, y } = automaticFocus(rasterOf(vectors.resize.of), rasterOf(vectors.autofocus.sigma_px));
  expect([x, y]).toEqual(vectors.autofocus.focus);
});

test.each(vectors.working_sizes.cases)("%i x %i is worked on at %i x %i", (height, width, ...expected) => {
  const { graph, ...rules } = vectors.working_sizes;
  const size = workingSize({ height, width }, rules, { height: graph[0], width: graph[1] });
  expect([size.height, size.width]).toEqual(expected);
});

test.each(vectors.spans)("$size px in tiles of $tile px with a halo of $halo px", ({ size, tile, halo, ...expected }) => {
  const padded = paddedLength(size, tile, manifest.tiling.alignment_px);
  expect(padded).toBe(expected.padded);
  const found = spans(padded, tile, halo, manifest.tiling.alignment_px)!;
  expect(found.map((span) => [span.start, span.keptFrom, span.keptTo])).toEqual(expected.spans);
});

test("tiles that the halo leaves nothing of are refused", () => {
  expect(spans(512, 256, 128, 16)).toBeNull();
});

test("a photograph goes the whole way, for the screen and at its own size", async () => {
  const given = vectors.photograph;
  const { samples, f_number: fNumber } = given;
  const rgba = new Uint8ClampedArray(samples.height * samples.width * 4);
  for (let i = 0; i < samples.height * samples.width; i++) {
    rgba.set([...samples.data.slice(3 * i, 3 * i + 3), 255], 4 * i);
  }
  const photo = { height: samples.height, width: samples.width, channels: 3, stride: 4, divisor: 255, data: rgba };
  const small = { ...manifest, sigma_max_px: 6, resize: { ...manifest.resize, long_side_px: given.long_side_px } };
  const graphs = standIns();
  const analysis = await analyse(small, graphs, photo);
  expect(largestError(analysis.defocusPx.data, given.defocus_px.data)).toBeLessThan(TOLERANCE);
  const lens = { focus: { x: given.focus[0], y: given.focus[1] }, fNumber };
  const screen = await refocus(small, graphs.refocus, analysis, lens);
  expect(largestError(screen.data, given.screen.data)).toBeLessThan(TOLERANCE);
  const full = await refocusPhoto(small, graphs.refocus, analysis, lens, photo);
  const sampled: number[] = [];
  for (let y = 0; y < photo.height; y += 3) {
    for (let x = 0; x < photo.width; x += 3) sampled.push(...full.slice((y * photo.width + x) * 4).slice(0, 3));
  }
  // In whole code values: a value between two may be rounded either way.
  expect(largestError(sampled, given.full)).toBeLessThanOrEqual(1);
  const other = sampled.filter((value, i) => value !== given.full[i]).length;
  expect(other / sampled.length).toBeLessThan(1e-3);
});
