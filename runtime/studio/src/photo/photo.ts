/** A photograph from a file, upright, and back to one with what it carried. */
import { StudioError } from "../core/manifest";
import type { Pixels } from "../core/resize";
import { type Carried, carriedBy, isJpeg, withCarried } from "./jpeg";
import { bitDepth, isPng, pngCarried, pngWithCarried } from "./png";

const LEAST_SIDE_PX = 32;
const MOST_MEGAPIXELS = 150;
const JPEG_QUALITY = 0.95;

export interface Photo {
  readonly name: string;
  /** RGBA of 8 bits, the numbers as the file has them: its colour profile is carried along, not applied. */
  readonly pixels: Pixels & { readonly data: Uint8ClampedArray<ArrayBuffer> };
  readonly notes: string[];
  /** Makes a file of the same kind where the browser can. */
  readonly encode: (rgba: Uint8ClampedArray<ArrayBuffer>) => Promise<{ blob: Blob; extension: string }>;
}

/**
 * As the file has it: its numbers untouched, turned upright. In the worker and on the page each for itself: a bitmap
 * that went over from the page has other numbers, by one in 255.
 */
export function decode(file: Blob): Promise<ImageBitmap> {
  return createImageBitmap(file, { colorSpaceConversion: "none", imageOrientation: "from-image" });
}

export async function readPhoto(file: Blob, name: string): Promise<Photo> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const bitmap = await decoded(file, name, bytes);
  const { width, height } = bitmap;
  if (Math.min(width, height) < LEAST_SIDE_PX) {
    throw new StudioError(`${name} is ${width} × ${height} px; it needs at least ${LEAST_SIDE_PX} px a side.`);
  }
  if (width * height > MOST_MEGAPIXELS * 1e6) {
    throw new StudioError(`${name} has ${Math.round((width * height) / 1e6)} megapixels; at most ${MOST_MEGAPIXELS} fit.`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = context.getImageData(0, 0, width, height);
  const size = { width, height, channels: 3, stride: 4, divisor: 255 };
  return { name, pixels: { ...size, data }, ...fileKind(bytes, width, height) };
}

async function decoded(file: Blob, name: string, bytes: Uint8Array): Promise<ImageBitmap> {
  try {
    return await decode(file);
  } catch {
    if (bytes.length === 0) throw new StudioError(`${name} is empty. Choose a photograph.`);
    const known = isJpeg(bytes) || isPng(bytes);
    throw new StudioError(
      known
        ? `${name} is damaged or cut short. Copy it again from the camera or phone.`
        : `This browser cannot read ${name}. Choose a JPEG, PNG or WebP photograph.`,
    );
  }
}

/** How a photograph is written, and what of it is lost, by what its file is. */
function fileKind(bytes: Uint8Array, width: number, height: number): Pick<Photo, "notes" | "encode"> {
  if (isPng(bytes)) {
    const carried = pngCarried(bytes);
    const notes = bitDepth(bytes) === 16 ? ["Its 16 bits a sample become 8: the command line keeps them."] : [];
    return {
      notes,
      encode: async (rgba) => {
        const png = await canvasBytes(rgba, width, height, "image/png");
        return { blob: new Blob([pngWithCarried(png, carried, width, height)], { type: "image/png" }), extension: "png" };
      },
    };
  }
  const carried: Carried = isJpeg(bytes) ? carriedBy(bytes) : { exif: null, others: [] };
  const notes = isJpeg(bytes) ? [] : ["It is saved as a JPEG, and its EXIF is not carried over."];
  return {
    notes,
    encode: async (rgba) => {
      const jpeg = await canvasBytes(rgba, width, height, "image/jpeg");
      return { blob: new Blob([withCarried(jpeg, carried, width, height)], { type: "image/jpeg" }), extension: "jpg" };
    },
  };
}

async function canvasBytes(
  rgba: Uint8ClampedArray<ArrayBuffer>,
  width: number,
  height: number,
  type: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")!.putImageData(new ImageData(rgba, width, height), 0, 0);
  const blob = await canvas.convertToBlob({ type, quality: JPEG_QUALITY });
  return new Uint8Array(await blob.arrayBuffer());
}
