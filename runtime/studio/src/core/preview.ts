/**
 * Pictures while a finger moves: the photograph blurred evenly, a few times, by the quick form of the refocusing
 * graph; each pixel then takes its blur between the two that are nearest. No graph runs while the finger moves.
 */
import { type Manifest, targetMaxPx } from "./manifest";
import { type Lens, type Analysis, asRgba } from "./pipeline";
import { defocusAt } from "./optics";
import { type Size, clip, raster, sameSize } from "./raster";
import { brightest, fittingSize, oneCall } from "./rendering";
import { pixelsOf, resize, shrunk } from "./resize";
import type { Graph } from "./tiling";

/** Steps of sigma, a pixel each, for which the two nearest levels are looked up. */
const STEPS_A_PX = 16;

/** Sigmas of the levels in the order in which they are made, so that a few of them cover the range already. */
export function levelsOf(sigmaMaxPx: number): number[] {
  const all: number[] = [];
  for (let sigma = 1; sigma < sigmaMaxPx; sigma *= 2) all.push(sigma);
  all.push(sigmaMaxPx);
  const order = [...all.filter((_, i) => i % 2 === all.length % 2), ...all.filter((_, i) => i % 2 !== all.length % 2)];
  return [all.at(-1)!, ...order.filter((sigma) => sigma !== all.at(-1))];
}

export class PreviewStack {
  readonly size: Size;
  private readonly levels: { sigmaPx: number; rgba: Uint8ClampedArray }[];
  private readonly waiting: number[];
  private readonly original: Uint8ClampedArray;
  private readonly defocusPx: Float32Array;

  constructor(
    private readonly manifest: Manifest,
    private readonly graph: Graph,
    private readonly analysis: Analysis,
  ) {
    this.size = fittingSize(graph, analysis.picture);
    const { picture, sharp, defocusPx } = analysis;
    this.levels = [{ sigmaPx: 0, rgba: this.rgbaOf(sharp) }];
    this.original = this.rgbaOf(picture);
    this.defocusPx = sameSize(this.size, picture)
      ? defocusPx.data
      : resize(pixelsOf(defocusPx), this.size, "box").data;
    this.waiting = levelsOf(targetMaxPx(manifest));
  }

  /** Whether there is anything to show yet. */
  get isReady(): boolean {
    return this.levels.length > 1;
  }

  /** Whether every level is there. */
  get isComplete(): boolean {
    return this.waiting.length === 0;
  }

  /** Blurs the photograph once more; false where all is done. */
  async grow(): Promise<boolean> {
    const sigmaPx = this.waiting.shift();
    if (sigmaPx === undefined) return false;
    const { lit } = this.analysis;
    const picture = sameSize(this.size, lit) ? lit : shrunk(pixelsOf(lit), this.size, brightest(lit));
    const target = raster(this.size.height, this.size.width, 1);
    target.data.fill(sigmaPx * (this.size.width / lit.width));
    this.levels.push({ sigmaPx, rgba: asRgba(await oneCall(this.graph, picture, target)) });
    this.levels.sort((a, b) => a.sigmaPx - b.sigmaPx);
    return true;
  }

  /** The photograph focused anew, at ``size``: RGBA of 8 bits. */
  render({ focus, fNumber }: Lens): Uint8ClampedArray<ArrayBuffer> {
    const { conventions } = this.manifest;
    const { confidence, defocusPx: map } = this.analysis;
    const at =
      "defocusPx" in focus ? focus.defocusPx : defocusAt(map, confidence, focus.x, focus.y, conventions.optics);
    const gain = conventions.optics.reference_f_number / fNumber;
    const [low, high] = conventions.optics.in_focus_px;
    const { from_px: from, to_px: to } = conventions.agreement;
    const { below, share, most } = this.lookUp();
    const { defocusPx, original } = this;
    const levels = this.levels.map(({ rgba }) => rgba);
    const result = new Uint8ClampedArray(original.length);
    for (let i = 0, p = 0; i < defocusPx.length; i++, p += 4) {
      const difference = defocusPx[i] - at;
      const size = difference < 0 ? -difference : difference;
      const counted = size >= high ? 1 : size <= low ? 0 : (size - low) / (high - low);
      const signed = gain * counted * difference;
      const step = Math.min(most, (signed < 0 ? -signed : signed) * STEPS_A_PX) | 0;
      const [a, b, t] = [levels[below[step]], levels[below[step] + 1], share[step]];
      let red = a[p] + t * (b[p] - a[p]);
      let green = a[p + 1] + t * (b[p + 1] - a[p + 1]);
      let blue = a[p + 2] + t * (b[p + 2] - a[p + 2]);
      const away = Math.abs(signed - defocusPx[i]);
      if (away < to) {
        const kept = away <= from ? 1 : (to - away) / (to - from);
        red += kept * (original[p] - red);
        green += kept * (original[p + 1] - green);
        blue += kept * (original[p + 2] - blue);
      }
      result[p] = red;
      result[p + 1] = green;
      result[p + 2] = blue;
      result[p + 3] = 255;
    }
    return result;
  }

  /** For each step of sigma: the level below it, and how far variance is on the way to the next. */
  private lookUp() {
    const sigmas = this.levels.map((level) => level.sigmaPx);
    const most = Math.round(sigmas.at(-1)! * STEPS_A_PX);
    const [below, share] = [new Uint8Array(most + 1), new Float64Array(most + 1)];
    for (let step = 0, level = 0; step <= most; step++) {
      const sigma = step / STEPS_A_PX;
      while (level < sigmas.length - 2 && sigma >= sigmas[level + 1]) level++;
      below[step] = level;
      share[step] = clip((sigma ** 2 - sigmas[level] ** 2) / (sigmas[level + 1] ** 2 - sigmas[level] ** 2), 0, 1);
    }
    return { below, share, most };
  }

  private rgbaOf(picture: Analysis["picture"]): Uint8ClampedArray {
    return asRgba(sameSize(this.size, picture) ? picture : shrunk(pixelsOf(picture), this.size));
  }
}
