/** The segments of a JPEG before its picture: where EXIF, colour profile, XMP and comment lie. */
import { joined, latin1 } from "./bytes";
import { type Exif, upright, withSize } from "./exif";

const [SOI, APP0, APP1, APP2, COMMENT, SCAN] = [0xd8, 0xe0, 0xe1, 0xe2, 0xfe, 0xda];
const LONGEST = 65_533;
const XMP = "http://ns.adobe.com/xap/1.0/\0";
/** Namespaces of XMP that tell of depth, gain maps and moving parts, which the result has not. */
const STALE = ["ns.google.com/photos", "hdr-gain-map", "HDRGainMap", "ns.adobe.com/xmp/note"];

interface Segment {
  readonly marker: number;
  readonly payload: Uint8Array;
}

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === SOI && bytes[2] === 0xff;
}

/** Up to the picture, or up to where the bytes are none; and where that is. */
function segmentsOf(bytes: Uint8Array): { segments: Segment[]; end: number } {
  const segments: Segment[] = [];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== SCAN) {
    const length = bytes[at + 2] * 256 + bytes[at + 3];
    segments.push({ marker: bytes[at + 1], payload: bytes.subarray(at + 4, at + 2 + length) });
    at += 2 + length;
  }
  return { segments, end: at };
}

function begins(payload: Uint8Array, text: string): boolean {
  return latin1(payload, 0, text.length) === text;
}

/** What a photograph carries beside its pixels. */
export interface Carried {
  readonly exif: Exif | null;
  /** Segments as they are written: resolution, profile, XMP, comment. */
  readonly others: readonly Segment[];
}

export function carriedBy(bytes: Uint8Array): Carried {
  const { segments } = segmentsOf(bytes);
  const block = segments.find(({ marker, payload }) => marker === APP1 && begins(payload, "Exif\0\0"));
  const isRgb = segments.some(({ marker, payload }) => marker === APP2 && latin1(payload, 14 + 16, 4) === "RGB ");
  return {
    exif: block ? upright(block.payload) : null,
    others: segments.filter(({ marker, payload }) => {
      if (marker === APP2 && begins(payload, "ICC_PROFILE\0")) return isRgb;
      if (marker === APP1 && begins(payload, XMP)) {
        const text = new TextDecoder().decode(payload);
        return !STALE.some((namespace) => text.includes(namespace));
      }
      return (marker === APP0 && begins(payload, "JFIF\0")) || marker === COMMENT;
    }),
  };
}

/** A JPEG with what is carried in the place of its own. */
export function withCarried(
  jpeg: Uint8Array<ArrayBuffer>,
  carried: Carried,
  width: number,
  height: number,
): Uint8Array<ArrayBuffer> {
  const { segments, end } = segmentsOf(jpeg);
  const own = segments.filter(({ marker }) => marker < APP0 || (marker > 0xef && marker !== COMMENT));
  const [jfif, others] = [true, false].map((first) => carried.others.filter((s) => (s.marker === APP0) === first));
  const exif = carried.exif && withSize(carried.exif.block, width, height);
  const block = exif && exif.length + 6 <= LONGEST ? [{ marker: APP1, payload: joined(ascii("Exif\0\0"), exif) }] : [];
  const all = [...jfif, ...block, ...others, ...own].map(({ marker, payload }) =>
    joined([0xff, marker, (payload.length + 2) >> 8, (payload.length + 2) & 255], payload),
  );
  return joined([0xff, SOI], ...all, jpeg.subarray(end));
}

function ascii(text: string): number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
