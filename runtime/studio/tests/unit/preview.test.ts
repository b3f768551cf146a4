import { expect, test } from "vitest";
import { type Analysis, targetOf } from "../../src/core/pipeline";
import { PreviewStack, levelsOf } from "../../src/core/preview";
import { raster } from "../../src/core/raster";
import type { Graph } from "../../src/core/tiling";
import { exported } from "./vectors";

const manifest = exported();
const SIZE = { height: 64, width: 96 };

/** Where blur is sigma, this graph gives grey of sigma / 32: levels that can be told apart. */
const graph: Graph = {
  ...SIZE,
  haloPx: 8,
  alignmentPx: 16,
  run: ({ sharp, target_sigma_px: target }) =>
    Promise.resolve({ ...sharp, data: sharp.data.map((_, i) => (Math.abs(target.data[Math.floor(i / 3)]) / 32) ** 2) }),
};

function analysis(): Analysis {
  const picture = raster(SIZE.height, SIZE.width, 3);
  const defocusPx = raster(SIZE.height, SIZE.width, 1);
  for (let i = 0; i < defocusPx.data.length; i++) defocusPx.data[i] = ((i % SIZE.width) / SIZE.width) * 6;
  const confidence = raster(SIZE.height / 4, SIZE.width / 4, 1);
  confidence.data.fill(1);
  return { picture, sigmaPx: defocusPx, defocusPx, confidence, sharp: picture, lit: picture };
}

test("levels cover the range from the first one on, and all are made", () => {
  const levels = levelsOf(32);
  expect(levels[0]).toBe(32);
  expect(levels.toSorted((a, b) => a - b)).toEqual([1, 2, 4, 8, 16, 32]);
});

test("each pixel takes its blur between the two nearest levels, by variance", async () => {
  const known = analysis();
  const stack = new PreviewStack(manifest, graph, known);
  expect(stack.isReady).toBe(false);
  await stack.grow();
  expect([stack.isReady, stack.isComplete]).toEqual([true, false]);
  while (await stack.grow());
  expect(stack.isComplete).toBe(true);
  const lens = { focus: { x: 0.2, y: 0.5 }, fNumber: 0.7 };
  const target = targetOf(manifest, known, lens);
  const rgba = stack.render(lens);
  target.data.forEach((sigma, i) => {
    if (Math.abs(sigma - known.defocusPx.data[i]) < manifest.conventions.agreement.to_px) return; // the photograph's own
    expect(Math.abs(rgba[4 * i] - ((sigma / 32) ** 2) * 255)).toBeLessThan(4);
  });
});
