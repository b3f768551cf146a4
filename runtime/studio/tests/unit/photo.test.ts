import { describe, expect, test } from "vitest";
import { big32, joined, latin1 } from "../../src/photo/bytes";
import { upright, withSize } from "../../src/photo/exif";
import { carriedBy, isJpeg, withCarried } from "../../src/photo/jpeg";
import { bitDepth, crc32, isPng, pngCarried, pngWithCarried } from "../../src/photo/png";
import { vectors } from "./vectors";

const hex = (text: string) => new Uint8Array(Buffer.from(text, "hex"));
const ascii = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const segment = (marker: number, payload: Uint8Array) =>
  joined([0xff, marker, (payload.length + 2) >> 8, (payload.length + 2) & 255], payload);

const EXIF = hex(vectors.exif[0].block);
const SCAN = [0xff, 0xda, 0, 2, 1, 2, 3, 0xff, 0xd9];
const jpegOf = (...segments: Uint8Array[]) => joined([0xff, 0xd8], ...segments, SCAN);

describe.each(vectors.exif)("EXIF of orientation $orientation", ({ block, orientation, ...expected }) => {
  test("is turned upright and loses its thumbnail as the runtime has it", () => {
    const found = upright(hex(block))!;
    expect(found.orientation).toBe(orientation);
    expect(Buffer.from(found.block).toString("hex")).toBe(expected.upright);
  });

  test("is given another size as the runtime has it", () => {
    const resized = withSize(hex(expected.upright), 1234, 987);
    expect(Buffer.from(resized).toString("hex")).toBe(expected.resized);
  });
});

test("EXIF that is cut short or none at all counts as none", () => {
  expect(upright(EXIF.subarray(0, 20))).toBeNull();
  expect(upright(ascii("Exif\0\0nothing of the kind"))).toBeNull();
});

test("a JPEG keeps EXIF, profile, XMP and comment, in place of those of the one who wrote it", () => {
  const profile = ascii(`ICC_PROFILE\0\x01\x01${" ".repeat(16)}RGB XYZ `);
  const xmp = ascii("http://ns.adobe.com/xap/1.0/\0<x:xmpmeta rating='5'/>");
  const photograph = jpegOf(
    segment(0xe0, ascii("JFIF\0\x01\x02\x01\x01\x2c\x01\x2c\0\0")),
    segment(0xe1, joined(ascii("Exif\0\0"), EXIF)),
    segment(0xe1, xmp),
    segment(0xe2, profile),
    segment(0xe2, ascii("MPF\0 further pictures")),
    segment(0xfe, ascii("a comment")),
    segment(0xdb, ascii("tables")),
  );
  expect(isJpeg(photograph)).toBe(true);
  const written = jpegOf(segment(0xe0, ascii("JFIF\0own")), segment(0xdb, ascii("own tables")));
  const result = withCarried(written, carriedBy(photograph), 1234, 987);
  const text = latin1(result, 0, result.length);
  for (const kept of ["JFIF\0\x01\x02", "Reblur", "rating='5'", "RGB XYZ ", "a comment", "own tables"]) {
    expect(text).toContain(kept);
  }
  for (const gone of ["JFIF\0own", "further pictures", "\0tables"]) expect(text).not.toContain(gone);
  expect(Buffer.from(carriedBy(result).exif!.block).toString("hex")).toBe(vectors.exif[0].resized);
  expect([...result.slice(-SCAN.length)]).toEqual(SCAN);
});

test("XMP that tells of depth and profiles for grey pixels are left behind", () => {
  const depth = ascii("http://ns.adobe.com/xap/1.0/\0<x xmlns:d='http://ns.google.com/photos/1.0/depthmap/'/>");
  const grey = ascii(`ICC_PROFILE\0\x01\x01${" ".repeat(16)}GRAYXYZ `);
  expect(carriedBy(jpegOf(segment(0xe1, depth), segment(0xe2, grey))).others).toEqual([]);
});

test("a PNG keeps EXIF and colours, with right checksums", () => {
  const chunk = (kind: string, data: Uint8Array) => {
    const body = joined(ascii(kind), data);
    return joined(big32(data.length), body, big32(crc32(body)));
  };
  const header = (depth: number) => chunk("IHDR", Uint8Array.of(0, 0, 0, 40, 0, 0, 0, 40, depth, 2, 0, 0, 0));
  const signature = [137, 80, 78, 71, 13, 10, 26, 10];
  const end = chunk("IEND", new Uint8Array());
  const exif = chunk("eXIf", EXIF);
  const photograph = joined(signature, header(16), chunk("gAMA", Uint8Array.of(0, 0, 1, 2)), exif, end);
  expect([isPng(photograph), bitDepth(photograph)]).toEqual([true, 16]);
  const written = joined(signature, header(8), chunk("sRGB", Uint8Array.of(0)), chunk("IDAT", Uint8Array.of(7)), end);
  const result = pngWithCarried(written, pngCarried(photograph), 1234, 987);
  const expected = joined(
    signature,
    header(8),
    chunk("gAMA", Uint8Array.of(0, 0, 1, 2)),
    chunk("eXIf", hex(vectors.exif[0].resized)),
    chunk("IDAT", Uint8Array.of(7)),
    end,
  );
  expect(Buffer.from(result).toString("hex")).toBe(Buffer.from(expected).toString("hex"));
});

test("checksums are CRC-32", () => {
  expect(crc32(ascii("123456789"))).toBe(0xcbf43926);
});
