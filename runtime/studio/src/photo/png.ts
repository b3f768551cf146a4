/** The chunks of a PNG: where EXIF, colours, resolution and texts lie. */
import { big32, joined, latin1 } from "./bytes";
import { upright, withSize } from "./exif";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const HEADER_END = SIGNATURE.length + 25;
/** Kinds that are carried along; what an image editor drew itself, such as a palette, is not. */
const CARRIED = ["iCCP", "sRGB", "gAMA", "cHRM", "cICP", "mDCV", "cLLI", "pHYs", "eXIf", "iTXt", "tEXt", "zTXt"];

interface Chunk {
  readonly kind: string;
  readonly data: Uint8Array;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

export function bitDepth(png: Uint8Array): number {
  return png[SIGNATURE.length + 16];
}

function chunksOf(png: Uint8Array): Chunk[] {
  const chunks: Chunk[] = [];
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = SIGNATURE.length; at + 12 <= png.length; ) {
    const length = view.getUint32(at);
    chunks.push({ kind: latin1(png, at + 4, 4), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  return chunks;
}

/** What a photograph carries beside its pixels. */
export function pngCarried(png: Uint8Array): Chunk[] {
  return chunksOf(png).filter(({ kind }) => CARRIED.includes(kind));
}

/** A PNG with the carried chunks behind its header, in the place of its own of these kinds. */
export function pngWithCarried(
  png: Uint8Array,
  carried: readonly Chunk[],
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const own = chunksOf(png).filter(({ kind }) => kind !== "IHDR" && !CARRIED.includes(kind));
  const written = [...carried, ...own].flatMap(({ kind, data }) => {
    if (kind !== "eXIf") return [chunk(kind, data)];
    const exif = upright(data);
    return exif ? [chunk(kind, withSize(exif.block, width, height))] : [];
  });
  return joined(png.subarray(0, HEADER_END), ...written);
}

function chunk(kind: string, data: Uint8Array): Uint8Array {
  const body = joined(
    Array.from(kind, (letter) => letter.charCodeAt(0)),
    data,
  );
  return joined(big32(data.length), body, big32(crc32(body)));
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
