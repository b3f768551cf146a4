/**
 * Resampling as the manifest names it: a filter as wide as the reduction asks for, pixel centers, weights that sum
 * to 1 at the border, columns before rows with float32 between.
 */
import { type Part, type Raster, type Size, clip, raster } from "./raster";

interface Filter {
  /** Half its width in pixels of the smaller grid. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

const FILTERS = {
  lanczos3: { support: 3, weight: (x) => (x > -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
} satisfies Record<string, Filter>;

export type FilterName = keyof typeof FILTERS;

/** What each pixel of a resized axis takes: `weights` of the pixels from `from` on. */
interface Taps {
  readonly from: Int32Array;
  readonly counts: Int32Array;
  readonly most: number;
  readonly weights: Float64Array;
}

/** @param begin,end the stretch of the axis, in its pixels, that becomes `size` pixels. */
function taps(length: number, size: number, filter: Filter, begin: number, end: number): Taps {
  const scale = (end - begin) / size;
  const spread = Math.max(scale, 1);
  const support = filter.support * spread;
  const most = Math.ceil(support) * 2 + 1;
  const [from, counts] = [new Int32Array(size), new Int32Array(size)];
  const weights = new Float64Array(size * most);
  for (let i = 0; i < size; i++) {
    const center = begin + (i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const high = Math.min(length, Math.trunc(center + support + 0.5));
    let total = 0;
    for (let k = low; k < high; k++) {
      const weight = filter.weight((k - center + 0.5) / spread);
      weights[i * most + k - low] = weight;
      total += weight;
    }
    for (let k = 0; k < high - low; k++) weights[i * most + k] /= total || 1;
    from[i] = low;
    counts[i] = high - low;
  }
  return { from, counts, most, weights };
}

/** Numbers of a picture as they lie in memory, of which the first `channels` of every `stride` are taken. */
export interface Pixels extends Size {
  readonly data: Float32Array | Uint8ClampedArray;
  readonly channels: number;
  readonly stride: number;
  /** What a number is divided by. */
  readonly divisor: number;
}

export function pixelsOf(of: Raster): Pixels {
  return { ...of, stride: of.channels, divisor: 1 };
}

/**
 * @param box the part of `of`, in its pixels and perhaps between them, that becomes the result; all without it.
 */
export function resize(of: Pixels, size: Size, filterName: FilterName, box?: Part): Raster {
  const filter = FILTERS[filterName];
  const part = box ?? { top: 0, bottom: of.height, left: 0, right: of.width };
  const across = taps(of.width, size.width, filter, part.left, part.right);
  const down = taps(of.height, size.height, filter, part.top, part.bottom);
  const first = down.from[0];
  const last = down.from[size.height - 1] + down.counts[size.height - 1];
  return columnsResized(rowsResized(of, across, first, last, size.width), down, first, size.height);
}

/** Rows `first` to `last` of `of`, each `width` pixels long. */
function rowsResized(of: Pixels, across: Taps, first: number, last: number, width: number): Raster {
  const { data, channels, stride, divisor } = of;
  const result = raster(last - first, width, channels);
  const { from, counts, most } = across;
  const weights = across.weights.map((x) => x / divisor);
  let at = 0;
  for (let y = first; y < last; y++) {
    for (let x = 0; x < width; x++) {
      const begin = (y * of.width + from[x]) * stride;
      const count = counts[x];
      if (channels === 3) {
        // As below, with each weight looked up once.
        let [red, green, blue] = [0, 0, 0];
        for (let k = 0, p = begin, w = x * most; k < count; k++, p += stride, w++) {
          const weight = weights[w];
          red += data[p] * weight;
          green += data[p + 1] * weight;
          blue += data[p + 2] * weight;
        }
        result.data[at] = red;
        result.data[at + 1] = green;
        result.data[at + 2] = blue;
        at += 3;
        continue;
      }
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0, p = begin + c, w = x * most; k < count; k++, p += stride, w++) sum += data[p] * weights[w];
        result.data[at++] = sum;
      }
    }
  }
  return result;
}

/** @param first the row of the whole picture at which `of` begins. */
function columnsResized(of: Raster, down: Taps, first: number, height: number): Raster {
  const row = of.width * of.channels;
  const result = raster(height, of.width, of.channels);
  const sums = new Float64Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < down.counts[y]; k++) {
      const weight = down.weights[y * down.most + k];
      const begin = (down.from[y] - first + k) * row;
      for (let i = 0; i < row; i++) sums[i] += weight * of.data[begin + i];
    }
    result.data.set(sums, y * row);
  }
  return result;
}

/**
 * Smaller, antialiased and clipped: a photograph at its working size.
 *
 * @param most the largest value there can be: of lamps it is above 1.
 */
export function shrunk(of: Pixels, size: Size, most = 1): Raster {
  const result = resize(of, size, "lanczos3");
  for (let i = 0; i < result.data.length; i++) result.data[i] = clip(result.data[i], 0, most);
  return result;
}
