/**
 * Runs the refocusing graph on a picture of any size, though the graph has one size and blur reaches far.
 *
 * A picture that fits is one call. A larger one is refocused at the size that fits, and that is enlarged: blur has no
 * detail to lose. What is sharp keeps every pixel it had, and only where the blur is too small to have been seen at
 * the smaller size does the graph run again, at full size, on tiles with a margin for that little blur.
 */
import { type Part, type Raster, type Size, clip, clipped, crop, raster, ramp, sameSize } from "./raster";
import { pixelsOf, resize, shrunk } from "./resize";
import { type Graph, fittingScale, whole } from "./tiling";

/** Largest sigma that leaves a pixel as it is. */
const IN_FOCUS_PX = 0.3;
/** Sigma in front of the plane of focus at which a pixel begins to spread over others, and does wholly. */
const FRONT_PX = [1.0, 1.9] as const;
/** Sigma, in pixels of the smaller picture, from which its blur begins to be taken, and is taken alone. */
const SEEN_PX = [1.4, 2.2] as const;
/** A tile's margin is so many of the largest sigmas that are rendered in it, and so much more. */
const [REACH, MARGIN_PX] = [3.5, 16];
/** Tiles start at multiples of this, as the graph's smallest level does. */
const GRID_PX = 32;
/** How much of a place shows from which it begins to count as not covered by anything in front, and does wholly. */
const COVERED = [0.9, 0.98] as const;

/** A picture refocused at a size that the graph takes in one call. */
export interface Base {
  readonly sharp: Raster;
  readonly targetPx: Raster;
  readonly picture: Raster;
  /** In [0, 1]: how much of a place shows behind what is spread over it. */
  readonly shows: Raster;
}

/** Refocuses a picture that is no larger than the graph. */
export async function oneCall(graph: Graph, sharp: Raster, targetPx: Raster): Promise<Raster> {
  return clipped(await whole(graph, { sharp, target_sigma_px: targetPx }), 0, 1);
}

/** The picture's own size where the graph takes it in one call, else the largest that fits. */
export function fittingSize(graph: Size, of: Size): Size {
  const scale = fittingScale(graph, of);
  if (scale >= 1) return { height: of.height, width: of.width };
  return { height: Math.max(1, Math.trunc(of.height * scale)), width: Math.max(1, Math.trunc(of.width * scale)) };
}

/** Refocuses at the picture's own size, in one call or, where it is larger than the graph, in parts. */
export async function refocused(graph: Graph, sharp: Raster, targetPx: Raster): Promise<Raster> {
  if (sameSize(fittingSize(graph, targetPx), targetPx)) return oneCall(graph, sharp, targetPx);
  const base = await baseOf(graph, sharp, targetPx);
  const result = raster(sharp.height, sharp.width, 3);
  await atSize(graph, base, targetPx, (part) => crop(sharp, part), (part, picture) => {
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
      result.data.set(row, ((part.top + y) * result.width + part.left) * 3);
    }
  });
  return result;
}

export async function baseOf(graph: Graph, picture: Raster, target: Raster): Promise<Base> {
  const small = fittingSize(graph, target);
  let [sharp, targetPx] = [picture, target];
  if (!sameSize(small, target)) {
    sharp = shrunk(pixelsOf(picture), small, brightest(picture));
    const resized = resize(pixelsOf(target), small, "box");
    targetPx = { ...resized, data: resized.data.map((x) => (x * small.width) / target.width) };
  }
  const rendered = await oneCall(graph, sharp, targetPx);
  const front = targetPx.data.map((x) => ramp(-x, ...FRONT_PX));
  let shows = raster(small.height, small.width, 1, new Float32Array(front.length).fill(1));
  if (front.some((x) => x > 0)) {
    // A picture of the front layer itself, white on black, comes out as its coverage; the graph squares it.
    const white = raster(small.height, small.width, 3);
    for (let i = 0; i < front.length; i++) white.data.fill(front[i], 3 * i, 3 * i + 3);
    const covered = await oneCall(graph, white, targetPx);
    shows = { ...shows, data: shows.data.map((_, i) => clip(1 - covered.data[3 * i] ** 2, 0, 1)) };
  }
  return { sharp, targetPx, picture: rendered, shows };
}

/** A lamp's value, or 1. */
export function brightest(picture: Raster): number {
  return picture.data.reduce((most, x) => Math.max(most, x), 1);
}

/**
 * The refocused picture at a larger size, part by part.
 *
 * @param sharpOf gives a part with everything in focus.
 * @param onPart takes each part and its pixels in [0, 1].
 */
export async function atSize(
  graph: Graph,
  base: Base,
  size: Size,
  sharpOf: (part: Part) => Raster,
  onPart: (part: Part, picture: Raster) => void | Promise<void>,
): Promise<void> {
  const ratio = size.width / base.targetPx.width;
  const [seenFrom, seenAlone] = SEEN_PX.map((sigma) => sigma * ratio);
  let margin = Math.ceil(Math.trunc(REACH * seenAlone + MARGIN_PX) / GRID_PX) * GRID_PX;
  if (Math.min(graph.height, graph.width) < 2 * margin + GRID_PX) margin = 0;
  const larger = (of: Raster, part: Part) => enlargedPart(of, size, part);
  for (const part of partsOf(size, graph, margin)) {
    const [least, most, uncovered] = extremes(base, size, part);
    if (least * ratio >= seenAlone) {
      await onPart(part, larger(base.picture, part));
      continue;
    }
    const wide = widened(part, size, margin);
    const inside = within(part, wide);
    const target = larger(base.targetPx, wide);
    for (let i = 0; i < target.data.length; i++) target.data[i] *= ratio;
    const sigma = crop(target, inside).data.map(Math.abs);
    const sharp = sharpOf(wide);
    const own = crop(sharp, inside);
    let result: Raster = { ...own, data: own.data.slice() };
    if (most * ratio > IN_FOCUS_PX) {
      const little = margin
        ? crop(await oneCall(graph, sharp, clipped(target, -seenAlone, seenAlone)), inside)
        : own;
      const from = margin ? ([seenFrom, seenAlone] as const) : ([IN_FOCUS_PX, seenFrom] as const);
      result = blended(little, larger(base.picture, part), (i) => ramp(sigma[i], ...from));
    }
    if (uncovered < COVERED[1]) {
      const [shows, blurred, smallSharp] = [base.shows, base.picture, base.sharp].map((of) => larger(of, part));
      for (let i = 0, p = 0; i < sigma.length; i++) {
        const kept = shows.data[i] * (1 - ramp(sigma[i], IN_FOCUS_PX, seenFrom));
        const plain = ramp(shows.data[i], ...COVERED);
        for (let c = 0; c < 3; c++, p++) {
          const covered = blurred.data[p] + kept * (own.data[p] - smallSharp.data[p]);
          result.data[p] = covered + plain * (result.data[p] - covered);
        }
      }
    }
    await onPart(part, clipped(result, 0, 1));
  }
}

/** `a` where the share is 0, `b` where it is 1. */
export function blended(a: Raster, b: Raster, share: (pixel: number) => number): Raster {
  const result = raster(a.height, a.width, a.channels);
  for (let i = 0, p = 0; i < a.height * a.width; i++) {
    const s = share(i);
    for (let c = 0; c < a.channels; c++, p++) result.data[p] = a.data[p] + s * (b.data[p] - a.data[p]);
  }
  return result;
}

/** A part of a raster as it is, bilinearly, at a larger size. */
export function enlargedPart(of: Raster, size: Size, part: Part): Raster {
  const [down, across] = [of.height / size.height, of.width / size.width];
  const box = {
    top: part.top * down,
    bottom: part.bottom * down,
    left: part.left * across,
    right: part.right * across,
  };
  return resize(pixelsOf(of), { height: part.bottom - part.top, width: part.right - part.left }, "bilinear", box);
}

/** Of a part: the least and the largest sigma in the base's pixels, and how much of it shows at the least. */
function extremes(base: Base, size: Size, part: Part): [number, number, number] {
  const { targetPx, shows } = base;
  const [down, across] = [targetPx.height / size.height, targetPx.width / size.width];
  const [top, bottom] = [Math.trunc(part.top * down) - 1, Math.trunc(part.bottom * down) + 2];
  const [left, right] = [Math.trunc(part.left * across) - 1, Math.trunc(part.right * across) + 2];
  let [least, most, uncovered] = [Infinity, 0, 1];
  for (let y = Math.max(0, top); y < Math.min(targetPx.height, bottom); y++) {
    for (let x = Math.max(0, left); x < Math.min(targetPx.width, right); x++) {
      const sigma = Math.abs(targetPx.data[y * targetPx.width + x]);
      least = Math.min(least, sigma);
      most = Math.max(most, sigma);
      uncovered = Math.min(uncovered, shows.data[y * targetPx.width + x]);
    }
  }
  return [least, most, uncovered];
}

/** Parts that with their margins fit the graph, in the orientation that the picture has. */
export function partsOf(size: Size, graph: Size, margin: number): Part[] {
  const along = size.height >= size.width === graph.height >= graph.width;
  const tile = along ? [graph.height, graph.width] : [graph.width, graph.height];
  const [rows, columns] = tile.map((t) => Math.floor((t - 2 * margin) / GRID_PX) * GRID_PX || t);
  const parts: Part[] = [];
  for (let top = 0; top < size.height; top += rows) {
    for (let left = 0; left < size.width; left += columns) {
      const [bottom, right] = [Math.min(size.height, top + rows), Math.min(size.width, left + columns)];
      parts.push({ top, bottom, left, right });
    }
  }
  return parts;
}

function widened(part: Part, size: Size, margin: number): Part {
  return {
    top: Math.max(0, part.top - margin),
    bottom: Math.min(size.height, part.bottom + margin),
    left: Math.max(0, part.left - margin),
    right: Math.min(size.width, part.right + margin),
  };
}

/** Where a part lies in a wider one. */
function within(part: Part, wide: Part): Part {
  return {
    top: part.top - wide.top,
    bottom: part.bottom - wide.top,
    left: part.left - wide.left,
    right: part.right - wide.left,
  };
}
