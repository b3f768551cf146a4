/** Pictures and maps: float32, rows of pixels of interleaved channels, as channels-last graphs take them. */
export interface Raster {
  readonly height: number;
  readonly width: number;
  /** 3 for a picture (RGB, sRGB in [0, 1]), 1 for a map. */
  readonly channels: number;
  /** height * width * channels numbers. */
  readonly data: Float32Array;
}

export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A part of a picture; ends are one past the last. */
export interface Part {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

export function raster(height: number, width: number, channels: number, data?: Float32Array): Raster {
  return { height, width, channels, data: data ?? new Float32Array(height * width * channels) };
}

export function sameSize(a: Size, b: Size): boolean {
  return a.height === b.height && a.width === b.width;
}

export function clip(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

/** 0 up to `low`, rising evenly to 1 at `high` and beyond. */
export function ramp(x: number, low: number, high: number): number {
  return clip((x - low) / (high - low), 0, 1);
}

/** To the nearest whole number, halves to the even one. */
export function halfToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

export function clipped(of: Raster, low: number, high: number): Raster {
  return { ...of, data: of.data.map((x) => clip(x, low, high)) };
}

export function crop(of: Raster, part: Part): Raster {
  const [height, width] = [part.bottom - part.top, part.right - part.left];
  const result = raster(height, width, of.channels);
  for (let y = 0; y < height; y++) {
    const from = ((part.top + y) * of.width + part.left) * of.channels;
    result.data.set(of.data.subarray(from, from + width * of.channels), y * width * of.channels);
  }
  return result;
}

/** Writes `piece` into `whole`, its first pixel at (top, left). */
export function paste(whole: Raster, piece: Raster, top: number, left: number): void {
  const row = piece.width * piece.channels;
  for (let y = 0; y < piece.height; y++) {
    whole.data.set(piece.data.subarray(y * row, (y + 1) * row), ((top + y) * whole.width + left) * whole.channels);
  }
}

/** Rows for columns. */
export function transposed(of: Raster): Raster {
  const { height, width, channels, data } = of;
  const result = raster(width, height, channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        result.data[(x * height + y) * channels + c] = data[(y * width + x) * channels + c];
      }
    }
  }
  return result;
}

/** Fills up at the right and the lower side: "edge" repeats the last pixel, "mirror" reflects with it. */
export function padded(of: Raster, height: number, width: number, how: "edge" | "mirror"): Raster {
  if (height === of.height && width === of.width) return of;
  const rows = indices(of.height, height, how);
  const columns = indices(of.width, width, how);
  const result = raster(height, width, of.channels);
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const from = (row * of.width + column) * of.channels;
      for (let c = 0; c < of.channels; c++) result.data[at++] = of.data[from + c];
    }
  }
  return result;
}

function indices(n: number, size: number, how: "edge" | "mirror"): number[] {
  return Array.from({ length: size }, (_, i) => {
    if (how === "edge") return Math.min(i, n - 1);
    const at = i % (2 * n);
    return at < n ? at : 2 * n - 1 - at;
  });
}

/** One channel of a picture as a map. */
export function channel(of: Raster, index: number): Raster {
  const result = raster(of.height, of.width, 1);
  for (let i = 0; i < result.data.length; i++) result.data[i] = of.data[i * of.channels + index];
  return result;
}
