/** From a photograph to refocused pictures: an analysis once per photograph, then one graph per tap. */
import { recovered } from "./highlights";
import { type Manifest, type WorkingSizeRules, targetMaxPx } from "./manifest";
import { type Focus, targetSigmaPx } from "./optics";
import { type Part, type Raster, type Size, clip, clipped, halfToEven, raster, ramp, sameSize } from "./raster";
import { atSize, baseOf, blended, enlargedPart, refocused } from "./rendering";
import { type Pixels, shrunk } from "./resize";
import { smoothDefocus } from "./smoothing";
import { type Graph, anywhere, fittingScale, tileCount } from "./tiling";

export interface Graphs {
  readonly defocus: Graph;
  readonly deblur: Graph;
  readonly refocus: Graph;
}

/** What is known of a photograph before anything is tapped, at its working size. */
export interface Analysis {
  readonly picture: Raster;
  /** Estimated blur, in pixels of the working size. */
  readonly sigmaPx: Raster;
  /** The same, spread along the picture's edges: what the optics go by. */
  readonly defocusPx: Raster;
  readonly confidence: Raster;
  /** All in focus. */
  readonly sharp: Raster;
  /** The same with lamps as bright as they may have been: what is blurred. */
  readonly lit: Raster;
}

export interface Lens {
  readonly focus: Focus;
  readonly fNumber: number;
}

export type Stage = "resize" | "defocus" | "deblur" | "smooth" | "highlights";

/** Called with each stage when it ends, and the milliseconds it took. */
export type OnStage = (stage: Stage, ms: number) => void;

/** Height and width with the long side limited, never enlarged; a little less where one call of a graph takes that. */
export function workingSize(of: Size, rules: WorkingSizeRules, graph: Size): Size {
  const limit = Math.min(1, rules.long_side_px / Math.max(of.height, of.width));
  const fits = fittingScale(graph, of);
  const scale = fits >= (rules.one_call_share ?? Infinity) * limit ? Math.min(fits, limit) : limit;
  return {
    height: Math.max(1, halfToEven(of.height * scale)),
    width: Math.max(1, halfToEven(of.width * scale)),
  };
}

export async function analyse(
  manifest: Manifest,
  graphs: Pick<Graphs, "defocus" | "deblur">,
  photo: Pixels,
  onStage: OnStage = () => undefined,
  onTile: (done: number, total: number) => void = () => undefined,
): Promise<Analysis> {
  const { conventions, sigma_max_px: sigmaMaxPx } = manifest;
  const timed = timer(onStage);
  const size = workingSize(photo, manifest.resize, graphs.defocus);
  const picture = timed("resize", sameSize(photo, size) ? wholeOf(photo) : shrunk(photo, size));
  const total = tileCount(size, graphs.defocus) + tileCount(size, graphs.deblur);
  let done = 0;
  const tick = () => {
    onTile(++done, total);
  };
  const sigmaPx = timed("defocus", clipped(await anywhere(graphs.defocus, { image: picture }, tick), 0, sigmaMaxPx));
  const deblurred = await anywhere(graphs.deblur, { image: picture, sigma_px: sigmaPx }, tick);
  let sharp = timed("deblur", clipped(deblurred, 0, 1));
  if (isGrey(picture, conventions.grey_within)) sharp = asGrey(sharp);
  const { defocusPx, confidence } = smoothDefocus(sigmaPx, picture, sigmaMaxPx, conventions.smoothing);
  timed("smooth", null);
  const lit = timed("highlights", recovered(sharp, conventions.highlights, conventions.smoothing.reduction));
  return { picture, sigmaPx, defocusPx, confidence, sharp, lit };
}

function timer(onStage: OnStage): <T>(stage: Stage, result: T) => T {
  let since = performance.now();
  return (stage, result) => {
    const now = performance.now();
    onStage(stage, now - since);
    since = now;
    return result;
  };
}

/** What the refocusing graph is asked for. */
export function targetOf(manifest: Manifest, analysis: Analysis, { focus, fNumber }: Lens): Raster {
  const { defocusPx, confidence } = analysis;
  return targetSigmaPx(defocusPx, confidence, focus, fNumber, targetMaxPx(manifest), manifest.conventions.optics);
}

/** The analysed photograph focused anew, at the working size. */
export async function refocus(manifest: Manifest, graph: Graph, analysis: Analysis, lens: Lens): Promise<Raster> {
  const target = targetOf(manifest, analysis, lens);
  const result = await refocused(graph, analysis.lit, target);
  return blended(result, analysis.picture, (i) => agreement(manifest, analysis, target, i));
}

/** How far the blur asked for at a pixel is what the photograph has; there the photograph stays as it is. */
export function agreement(manifest: Manifest, analysis: Analysis, target: Raster, pixel: number): number {
  const { from_px: from, to_px: to } = manifest.conventions.agreement;
  return 1 - ramp(Math.abs(target.data[pixel] - analysis.defocusPx.data[pixel]), from, to);
}

/**
 * The analysed photograph focused anew, at its own size: what is in focus is the photograph itself and what deblurring
 * added at the working size, enlarged.
 *
 * @param photo RGBA of 8 bits.
 * @returns the same type, opaque.
 */
export async function refocusPhoto(
  manifest: Manifest,
  graph: Graph,
  analysis: Analysis,
  lens: Lens,
  photo: Pixels,
  onRows: (done: number, total: number) => void = () => undefined,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const target = targetOf(manifest, analysis, lens);
  const base = await baseOf(graph, analysis.lit, target);
  const { sharp, picture, lit } = analysis;
  const added: Raster = { ...sharp, data: sharp.data.map((x, i) => x - picture.data[i]) };
  const kept: Raster = { ...target, data: target.data.map((_, i) => agreement(manifest, analysis, target, i)) };
  const lamps = lit === sharp ? null : { ...lit, data: lit.data.map((x, i) => x / Math.max(sharp.data[i], 1e-3)) };
  const sharpOf = (part: Part): Raster => {
    const result = partOf(photo, part);
    const more = enlargedPart(added, photo, part);
    const brighter = lamps && enlargedPart(lamps, photo, part);
    for (let i = 0; i < result.data.length; i++) {
      result.data[i] = clip(result.data[i] + more.data[i], 0, 1) * (brighter ? brighter.data[i] : 1);
    }
    return result;
  };
  const result = new Uint8ClampedArray(photo.height * photo.width * 4);
  await atSize(graph, base, photo, sharpOf, async (part, refocusedPart) => {
    const share = enlargedPart(kept, photo, part);
    const own = partOf(photo, part);
    write(result, photo, part, blended(refocusedPart, own, (i) => share.data[i]));
    onRows(part.bottom, photo.height);
    await Promise.resolve();
  });
  return result;
}

function wholeOf(photo: Pixels): Raster {
  return partOf(photo, { top: 0, bottom: photo.height, left: 0, right: photo.width });
}

/** Pixels of a photograph as numbers in [0, 1]. */
function partOf(photo: Pixels, part: Part): Raster {
  const result = raster(part.bottom - part.top, part.right - part.left, 3);
  let at = 0;
  for (let y = part.top; y < part.bottom; y++) {
    let p = (y * photo.width + part.left) * photo.stride;
    for (let x = part.left; x < part.right; x++, p += photo.stride) {
      for (let c = 0; c < 3; c++) result.data[at++] = photo.data[p + c] / photo.divisor;
    }
  }
  return result;
}

function write(whole: Uint8ClampedArray, size: Size, part: Part, picture: Raster): void {
  let from = 0;
  for (let y = part.top; y < part.bottom; y++) {
    let at = (y * size.width + part.left) * 4;
    for (let x = part.left; x < part.right; x++, at += 4) {
      for (let c = 0; c < 3; c++) whole[at + c] = picture.data[from++] * 255; // clamped arrays round halves to even
      whole[at + 3] = 255;
    }
  }
}

/** A picture for a canvas: RGBA of 8 bits. */
export function asRgba(picture: Raster): Uint8ClampedArray<ArrayBuffer> {
  const result = new Uint8ClampedArray(picture.height * picture.width * 4);
  write(result, picture, { top: 0, bottom: picture.height, left: 0, right: picture.width }, picture);
  return result;
}

function isGrey(picture: Raster, within: number): boolean {
  for (let p = 0; p < picture.data.length; p += 3) {
    const [r, g, b] = [picture.data[p], picture.data[p + 1], picture.data[p + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > within) return false;
  }
  return true;
}

function asGrey(picture: Raster): Raster {
  const result = raster(picture.height, picture.width, 3);
  for (let p = 0; p < picture.data.length; p += 3) {
    result.data.fill((picture.data[p] + picture.data[p + 1] + picture.data[p + 2]) / 3, p, p + 3);
  }
  return result;
}

