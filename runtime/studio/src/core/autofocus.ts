/** Where to focus before anyone taps: at the sharpest place near the centre, which is where photographers put things. */
import type { Raster } from "./raster";

const CELL_PX = 16;
/** Standard deviation of the preference for the centre, relative to the picture's sides. */
const CENTRE_SPREAD = 0.25;
/** Mean gradient a pixel beyond which more detail counts no more, and what none at all counts. */
const [ENOUGH, LEAST] = [0.02, 1e-4];

export function automaticFocus(picture: Raster, sigmaPx: Raster): { x: number; y: number } {
  const { width } = picture;
  const [rows, columns] = [Math.floor(picture.height / CELL_PX), Math.floor(width / CELL_PX)];
  const grey = (i: number) => (picture.data[3 * i] + picture.data[3 * i + 1] + picture.data[3 * i + 2]) / 3;
  let [best, x, y] = [-1, 0.5, 0.5];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let [detail, sigma] = [0, 0];
      for (let i = row * CELL_PX; i < (row + 1) * CELL_PX; i++) {
        for (let j = column * CELL_PX; j < (column + 1) * CELL_PX; j++) {
          const at = i * width + j;
          sigma += sigmaPx.data[at];
          if (i + 1 < picture.height) detail += Math.abs(grey(at + width) - grey(at));
          if (j + 1 < width) detail += Math.abs(grey(at + 1) - grey(at));
        }
      }
      const [u, v] = [(column + 0.5) / columns, (row + 0.5) / rows];
      const away = (v - 0.5) ** 2 + (u - 0.5) ** 2;
      const area = CELL_PX * CELL_PX;
      const worth =
        ((Math.min(detail / area, ENOUGH) + LEAST) / (1 + sigma / area) ** 2) *
        Math.exp(-away / (2 * CENTRE_SPREAD ** 2));
      if (worth > best) [best, x, y] = [worth, u, v];
    }
  }
  return { x, y };
}
