/** Golden vectors: inputs with the answers of the float reference, by which every machine can judge itself. */
import { type Read, readGolden } from "./files";
import type { GoldenTensor, Tolerance } from "./manifest";
import { type Raster, padded, raster } from "./raster";

/** A vector as it is in the file, (1, C, h, w), as a raster. */
export async function goldenRaster(read: Read, tensor: GoldenTensor): Promise<Raster> {
  const [, channels, height, width] = tensor.shape;
  const planes = await readGolden(read, tensor);
  const result = raster(height, width, channels);
  const area = height * width;
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < area; i++) result.data[i * channels + c] = planes[c * area + i];
  }
  return result;
}

/** An input as a graph takes it: mirrored at its right and lower side, again and again, until it fills the size. */
export async function goldenInput(read: Read, tensor: GoldenTensor, height: number, width: number): Promise<Raster> {
  return padded(await goldenRaster(read, tensor), height, width, "mirror");
}

/** Absolute errors of an answer at the pixels that the file has. */
export async function errorsOf(read: Read, tensor: GoldenTensor, answer: Raster): Promise<Float64Array> {
  const expected = await goldenRaster(read, tensor);
  const stride = tensor.stride_px ?? 1;
  const [rows, columns] = [Math.ceil(answer.height / stride), Math.ceil(answer.width / stride)];
  if (rows !== expected.height || columns !== expected.width || answer.channels !== expected.channels) {
    throw new Error(`${tensor.name} should have ${expected.height}x${expected.width} samples, got ${rows}x${columns}.`);
  }
  const errors = new Float64Array(expected.data.length);
  for (let y = 0, k = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = (y * stride * answer.width + x * stride) * answer.channels;
      for (let c = 0; c < answer.channels; c++, k++) errors[k] = Math.abs(answer.data[at + c] - expected.data[k]);
    }
  }
  return errors;
}

const STATISTICS: Record<Tolerance["statistic"], (errors: Float64Array) => number> = {
  rms: (errors) => Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / errors.length),
  mean: (errors) => errors.reduce((sum, e) => sum + e, 0) / errors.length,
  p99: (errors) => errors.slice().sort()[Math.ceil(0.99 * errors.length) - 1],
};

export interface Judged {
  readonly statistic: Tolerance["statistic"];
  readonly value: number;
  readonly atMost: number;
  readonly passed: boolean;
}

export function judged(errors: Float64Array, tolerances: readonly Tolerance[]): Judged[] {
  return tolerances.map(({ statistic, at_most: atMost }) => {
    const value = STATISTICS[statistic](errors);
    return { statistic, value, atMost, passed: value <= atMost };
  });
}
