/** The manifest's "isolated clipped pixels": lamps that the sensor clipped, made brighter, so that they blur to discs. */
import type { Highlights } from "./manifest";
import { type Raster, clip, halfToEven, ramp } from "./raster";
import { blockMean, boxMean, enlarged } from "./smoothing";

/** @returns the very picture where there is no lamp. */
export function recovered(sharp: Raster, rules: Highlights, reduction: number): Raster {
  const clippedPixels = new Float32Array(sharp.height * sharp.width);
  let any = false;
  for (let i = 0, p = 0; i < clippedPixels.length; i++, p += 3) {
    const least = Math.min(sharp.data[p], sharp.data[p + 1], sharp.data[p + 2]);
    clippedPixels[i] = ramp(least, rules.clipped[0], rules.clipped[1]);
    any ||= clippedPixels[i] > 0;
  }
  if (!any) return sharp;
  const map = { height: sharp.height, width: sharp.width, channels: 1, data: clippedPixels };
  const blocks = blockMean(map, reduction);
  const radius = Math.max(1, halfToEven(rules.around * Math.max(blocks.height, blocks.width)));
  const crowd = boxMean(blocks, radius);
  const alone = enlarged({ ...crowd, data: crowd.data.map((x) => clip(1 - x / rules.crowded, 0, 1)) }, sharp, reduction);
  const data = new Float32Array(sharp.data.length);
  for (let i = 0, p = 0; i < clippedPixels.length; i++) {
    const gain = Math.sqrt(1 + (rules.largest_light - 1) * clippedPixels[i] * alone.data[i]);
    for (let c = 0; c < 3; c++, p++) data[p] = sharp.data[p] * gain;
  }
  return { ...sharp, data };
}
