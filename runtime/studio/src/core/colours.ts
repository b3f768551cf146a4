/** A map as a picture: from no blur, dark, to the most, light, so that it reads in grey and for the colour-blind. */
import { type Raster, clip, raster } from "./raster";

const COLOURS = [
  [0.05, 0.03, 0.2],
  [0.3, 0.07, 0.45],
  [0.65, 0.15, 0.4],
  [0.93, 0.4, 0.22],
  [0.99, 0.73, 0.25],
  [1, 1, 0.75],
] as const;

/** @param most the value of the last colour. */
export function coloured(map: Raster, most: number): Raster {
  const result = raster(map.height, map.width, 3);
  map.data.forEach((value, i) => {
    const at = clip(value / most, 0, 1) * (COLOURS.length - 1);
    const low = Math.min(Math.floor(at), COLOURS.length - 2);
    for (let c = 0; c < 3; c++) {
      result.data[3 * i + c] = COLOURS[low][c] + (at - low) * (COLOURS[low + 1][c] - COLOURS[low][c]);
    }
  });
  return result;
}

/** The same scale for a style sheet. */
export function gradient(): string {
  const stops = COLOURS.map((colour) => `rgb(${colour.map((c) => Math.round(c * 255)).join(" ")})`);
  return `linear-gradient(to right, ${stops.join(", ")})`;
}
