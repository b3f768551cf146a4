/** Runs a graph of fixed size on pictures of any size, in tiles that overlap by what a pixel of its output sees. */
import { type Raster, type Size, crop, padded, paste, raster, transposed } from "./raster";

export type Tensors = Readonly<Record<string, Raster>>;

/** A graph of fixed size: takes and gives rasters of exactly that size, by name. */
export interface Graph extends Size {
  /** How far a pixel of its output sees. */
  readonly haloPx: number;
  /** Tiles start at multiples of this. */
  readonly alignmentPx: number;
  readonly run: (inputs: Tensors) => Promise<Raster>;
}

/** What a picture is to be scaled by to fit into a graph just so, lying or standing. */
export function fittingScale(graph: Size, of: Size): number {
  const fits = (height: number, width: number) => Math.min(height / of.height, width / of.width);
  return Math.max(fits(graph.height, graph.width), fits(graph.width, graph.height));
}

/** One tile along an axis: where it starts, and the stretch of the picture that is taken from it. */
export interface Span {
  readonly start: number;
  readonly keptFrom: number;
  readonly keptTo: number;
}

/** Kept stretches follow one another without gap or overlap; null where the halo leaves nothing of a tile. */
export function spans(size: number, tile: number, halo: number, alignment: number): Span[] | null {
  const step = Math.floor((tile - 2 * halo) / alignment) * alignment;
  if (size > tile && step <= 0) return null;
  const result: Span[] = [];
  let [start, keptFrom] = [0, 0];
  while (start + tile < size) {
    result.push({ start, keptFrom, keptTo: start + tile - halo });
    keptFrom = start + tile - halo;
    start = Math.min(start + step, size - tile);
  }
  result.push({ start, keptFrom, keptTo: size });
  return result;
}

/** Length to which an axis is padded: at least a tile, then a multiple of the alignment beyond it. */
export function paddedLength(size: number, tile: number, alignment: number): number {
  return tile + Math.max(0, Math.ceil((size - tile) / alignment) * alignment);
}

function grid(of: Size, graph: Graph): { rows: Span[]; columns: Span[] } | null {
  const along = (size: number, tile: number) =>
    spans(paddedLength(size, tile, graph.alignmentPx), tile, graph.haloPx, graph.alignmentPx);
  const [rows, columns] = [along(of.height, graph.height), along(of.width, graph.width)];
  return rows && columns ? { rows, columns } : null;
}

export function tileCount(of: Size, graph: Graph): number {
  const lying = grid(of, graph);
  const standing = grid({ height: of.width, width: of.height }, graph);
  return Math.min(...[lying, standing].map((g) => (g ? g.rows.length * g.columns.length : Infinity)));
}

/** Runs on pictures of any size, lying or standing, whichever takes fewer tiles. */
export async function anywhere(graph: Graph, inputs: Tensors, onTile: () => void = () => undefined): Promise<Raster> {
  const of = Object.values(inputs)[0];
  const lying = grid(of, graph);
  const standing = graph.height === graph.width ? null : grid({ height: of.width, width: of.height }, graph);
  const count = (g: typeof lying) => (g ? g.rows.length * g.columns.length : Infinity);
  if (!lying && !standing) {
    throw new Error(
      `The model takes tiles of ${graph.height}x${graph.width} px, too small for its reach of ${graph.haloPx} px: ` +
        `export at a larger size, or open a picture that fits in one tile.`,
    );
  }
  if (standing && count(standing) < count(lying)) {
    return transposed(await tiled(graph, mapped(inputs, transposed), standing, onTile));
  }
  return tiled(graph, inputs, lying!, onTile);
}

async function tiled(
  graph: Graph,
  inputs: Tensors,
  { rows, columns }: { rows: Span[]; columns: Span[] },
  onTile: () => void,
): Promise<Raster> {
  const of = Object.values(inputs)[0];
  const height = paddedLength(of.height, graph.height, graph.alignmentPx);
  const width = paddedLength(of.width, graph.width, graph.alignmentPx);
  const wide = mapped(inputs, (x) => padded(x, height, width, "edge"));
  let whole: Raster | undefined;
  for (const y of rows) {
    for (const x of columns) {
      const window = { top: y.start, bottom: y.start + graph.height, left: x.start, right: x.start + graph.width };
      const tile = await graph.run(mapped(wide, (array) => crop(array, window)));
      whole ??= raster(height, width, tile.channels);
      const kept = {
        top: y.keptFrom - y.start,
        bottom: y.keptTo - y.start,
        left: x.keptFrom - x.start,
        right: x.keptTo - x.start,
      };
      paste(whole, crop(tile, kept), y.keptFrom, x.keptFrom);
      onTile();
    }
  }
  return cropped(whole!, of);
}

/** Runs once on pictures that are no larger than the graph, in either orientation; beyond them is their mirror image. */
export async function whole(graph: Graph, inputs: Tensors): Promise<Raster> {
  const of = Object.values(inputs)[0];
  if (of.height > graph.height || of.width > graph.width) {
    if (of.width > graph.height || of.height > graph.width) {
      throw new Error(`${of.height}x${of.width} px do not fit into ${graph.height}x${graph.width}.`);
    }
    return transposed(await whole(graph, mapped(inputs, transposed)));
  }
  return cropped(await graph.run(mapped(inputs, (x) => padded(x, graph.height, graph.width, "mirror"))), of);
}

function cropped(of: Raster, to: Size): Raster {
  if (of.height === to.height && of.width === to.width) return of;
  return crop(of, { top: 0, bottom: to.height, left: 0, right: to.width });
}

function mapped(tensors: Tensors, by: (of: Raster) => Raster): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [name, by(value)]));
}
