/**
 * The manifest's "fast weighted guided filter": spreads an estimated map from textured to flat places along the
 * picture's edges, at a quarter of its size.
 */
import type { Smoothing } from "./manifest";
import { type Raster, type Size, clip, halfToEven, raster } from "./raster";

/** A map, in double precision. */
interface Field extends Size {
  readonly data: Float64Array;
}

export interface Smoothed {
  /** The map, in [0, sigmaMaxPx]. */
  readonly defocusPx: Raster;
  /** At the reduced size: how far blur can be told. */
  readonly confidence: Raster;
}

export function smoothDefocus(sigmaPx: Raster, picture: Raster, sigmaMaxPx: number, rules: Smoothing): Smoothed {
  const luma = lumaOf(picture, rules);
  const confidence = textureConfidence(luma, rules);
  const guide = asField(blockMean(luma, rules.reduction));
  const estimated = blockMean(sigmaPx, rules.reduction).data;
  const radius = Math.max(
    rules.least_radius,
    halfToEven((rules.radius * Math.max(sigmaPx.height, sigmaPx.width)) / rules.reduction),
  );
  const field = (of: (i: number) => number): Field => ({ ...guide, data: guide.data.map((_, i) => of(i)) });
  const trusted = boxMean(field((i) => confidence.data[i] * estimated[i]), rules.wider * radius);
  const trust = boxMean(field((i) => confidence.data[i]), rules.wider * radius);
  const weights = field((i) => confidence.data[i] + rules.wider_weight);
  const values = field(
    (i) =>
      (confidence.data[i] * estimated[i] + (rules.wider_weight * trusted.data[i]) / trust.data[i]) / weights.data[i],
  );
  const total = boxMean(weights, radius);
  const mean = (of: (i: number) => number): Float64Array => {
    const sums = boxMean(field((i) => weights.data[i] * of(i)), radius);
    return sums.data.map((sum, i) => sum / total.data[i]);
  };
  const [g, v] = [guide.data, values.data];
  const meanGuide = mean((i) => g[i]);
  const meanValues = mean((i) => v[i]);
  const meanSquare = mean((i) => g[i] * g[i]);
  const meanProduct = mean((i) => g[i] * v[i]);
  const slope = meanProduct.map(
    (product, i) =>
      (product - meanGuide[i] * meanValues[i]) /
      (Math.max(meanSquare[i] - meanGuide[i] ** 2, 0) + rules.epsilon),
  );
  const slopes = enlarged({ ...guide, data: mean((i) => slope[i]) }, luma, rules.reduction);
  const offsets = enlarged(
    { ...guide, data: mean((i) => meanValues[i] - slope[i] * meanGuide[i]) },
    luma,
    rules.reduction,
  );
  const data = luma.data.map((value, i) => clip(slopes.data[i] * value + offsets.data[i], 0, sigmaMaxPx));
  return { defocusPx: raster(luma.height, luma.width, 1, data), confidence };
}

export function lumaOf(picture: Raster, rules: Smoothing): Raster {
  const result = raster(picture.height, picture.width, 1);
  const [r, g, b] = rules.luma;
  for (let i = 0, p = 0; i < result.data.length; i++, p += 3) {
    result.data[i] = r * picture.data[p] + g * picture.data[p + 1] + b * picture.data[p + 2];
  }
  return result;
}

/** Near 1 on texture and edges, near 0 where the picture is flat; a number for each block. */
export function textureConfidence(luma: Raster, rules: Smoothing): Raster {
  const { height, width, data } = luma;
  const energy = raster(height, width, 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      const down = y > 0 && y < height - 1 ? (data[i + width] - data[i - width]) / 2 : 0;
      const across = x > 0 && x < width - 1 ? (data[i + 1] - data[i - 1]) / 2 : 0;
      energy.data[i] = down * down + across * across;
    }
  }
  const blocks = blockMean(energy, rules.reduction);
  const flat = rules.flat_gradient ** 2;
  return { ...blocks, data: blocks.data.map((e) => e / (e + flat) + rules.confidence_floor) };
}

/** Means over blocks of n by n; the last row and column are repeated to whole blocks. */
export function blockMean(of: Raster, n: number): Raster {
  const { height, width, data } = of;
  const result = raster(Math.ceil(height / n), Math.ceil(width / n), 1);
  for (let y = 0; y < result.height; y++) {
    for (let x = 0; x < result.width; x++) {
      let sum = 0;
      for (let dy = 0; dy < n; dy++) {
        const row = Math.min(y * n + dy, height - 1) * width;
        for (let dx = 0; dx < n; dx++) sum += data[row + Math.min(x * n + dx, width - 1)];
      }
      result.data[y * result.width + x] = sum / (n * n);
    }
  }
  return result;
}

/** The reverse: bilinear between the blocks' middles, constant beyond the outermost. */
export function enlarged(of: Size & { data: ArrayLike<number> }, size: Size, n: number): Raster {
  const [rows, columns] = [between(of.height, size.height, n), between(of.width, size.width, n)];
  const result = raster(size.height, size.width, 1);
  const lines = new Float64Array(of.width);
  for (let y = 0; y < size.height; y++) {
    const [row, low, high] = [rows.share[y], rows.low[y] * of.width, rows.high[y] * of.width];
    for (let x = 0; x < of.width; x++) lines[x] = of.data[low + x] + row * (of.data[high + x] - of.data[low + x]);
    for (let x = 0; x < size.width; x++) {
      const from = lines[columns.low[x]];
      result.data[y * size.width + x] = from + columns.share[x] * (lines[columns.high[x]] - from);
    }
  }
  return result;
}

function between(blocks: number, size: number, n: number) {
  const [low, high, share] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
  for (let i = 0; i < size; i++) {
    const at = clip((i + 0.5) / n - 0.5, 0, blocks - 1);
    low[i] = Math.min(Math.floor(at), Math.max(blocks - 2, 0));
    high[i] = Math.min(low[i] + 1, blocks - 1);
    share[i] = at - low[i];
  }
  return { low, high, share };
}

/** Mean over a square window, cut off at the border. */
export function boxMean(of: Size & { data: ArrayLike<number> }, radius: number): Field {
  const { height, width } = of;
  const across = new Float64Array(height * width);
  const sums = new Float64Array(Math.max(height, width) + 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[x + 1] = sums[x] + of.data[y * width + x];
    for (let x = 0; x < width; x++) {
      const [low, high] = [Math.max(x - radius, 0), Math.min(x + radius + 1, width)];
      across[y * width + x] = (sums[high] - sums[low]) / (high - low);
    }
  }
  const data = new Float64Array(height * width);
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) sums[y + 1] = sums[y] + across[y * width + x];
    for (let y = 0; y < height; y++) {
      const [low, high] = [Math.max(y - radius, 0), Math.min(y + radius + 1, height)];
      data[y * width + x] = (sums[high] - sums[low]) / (high - low);
    }
  }
  return { height, width, data };
}

function asField(of: Raster): Field {
  return { height: of.height, width: of.width, data: Float64Array.from(of.data) };
}
