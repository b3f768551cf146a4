/**
 * EXIF of a photograph that has been turned upright. The block is changed in place, a number here and there, and never
 * written anew: what a camera put there stays as its bytes were. CIPA DC-008 and TIFF 6.0 are the formats.
 */

const PREFIX = "Exif\0\0";
const [ORIENTATION, IMAGE_WIDTH, IMAGE_HEIGHT, EXIF_POINTER] = [0x0112, 0x0100, 0x0101, 0x8769];
const [PIXEL_WIDTH, PIXEL_HEIGHT] = [0xa002, 0xa003];
const [THUMBNAIL_START, THUMBNAIL_LENGTH] = [0x0201, 0x0202];
const ENTRY_BYTES = 12;
/** Type of a tag that holds whole numbers -> its bytes. */
const BYTES: Readonly<Record<number, 1 | 2 | 4>> = { 1: 1, 3: 2, 4: 4 };

interface Entry {
  readonly bytes: 1 | 2 | 4;
  readonly at: number;
  readonly value: number;
}

export interface Exif {
  /** With Orientation 1 and no thumbnail, since it would go on showing the old picture; without "Exif" before it. */
  readonly block: Uint8Array<ArrayBuffer>;
  /** As it was, 1 to 8. */
  readonly orientation: number;
}

/** Null where it is no EXIF block. */
export function upright(raw: Uint8Array): Exif | null {
  const block = raw.slice(startsWith(raw, PREFIX) ? PREFIX.length : 0);
  const tiff = Tiff.of(block);
  if (!tiff) return null;
  try {
    const first = tiff.directory(tiff.first);
    const found = first.get(ORIENTATION);
    if (found) tiff.write(found, 1);
    tiff.dropThumbnail();
    const value = found?.value ?? 1;
    return { block, orientation: value >= 1 && value <= 8 ? value : 1 };
  } catch (error) {
    if (error instanceof RangeError) return null; // it is cut short
    throw error;
  }
}

/** The block with those pixel dimensions, in every tag for them that it has. */
export function withSize(block: Uint8Array<ArrayBuffer>, width: number, height: number): Uint8Array<ArrayBuffer> {
  const changed = block.slice();
  const tiff = Tiff.of(changed);
  if (!tiff) return changed;
  try {
    const first = tiff.directory(tiff.first);
    tiff.writeAll(first, [IMAGE_WIDTH, width], [IMAGE_HEIGHT, height]);
    const pointer = first.get(EXIF_POINTER);
    if (pointer) tiff.writeAll(tiff.directory(pointer.value), [PIXEL_WIDTH, width], [PIXEL_HEIGHT, height]);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a part that is cut short stays as it is
  }
  return changed;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return Array.from(text).every((letter, i) => bytes[i] === letter.charCodeAt(0));
}

class Tiff {
  private constructor(
    private readonly view: DataView,
    private readonly little: boolean,
  ) {}

  static of(block: Uint8Array<ArrayBuffer>): Tiff | null {
    const order = startsWith(block, "II*\0") ? true : startsWith(block, "MM\0*") ? false : null;
    return order === null || block.length < 8 ? null : new Tiff(new DataView(block.buffer, block.byteOffset), order);
  }

  get first(): number {
    return this.view.getUint32(4, this.little);
  }

  /** The entries of a directory that hold one whole number. */
  directory(at: number): Map<number, Entry> {
    const entries = new Map<number, Entry>();
    const count = this.view.getUint16(at, this.little);
    for (let place = at + 2; place < at + 2 + ENTRY_BYTES * count; place += ENTRY_BYTES) {
      const bytes = BYTES[this.view.getUint16(place + 2, this.little)] as Entry["bytes"] | undefined;
      if (!bytes || this.view.getUint32(place + 4, this.little) !== 1) continue;
      entries.set(this.view.getUint16(place, this.little), { bytes, at: place + 8, value: this.read(place + 8, bytes) });
    }
    return entries;
  }

  write({ at, bytes }: Entry, value: number): void {
    if (value >= 2 ** (8 * bytes)) return;
    if (bytes === 1) this.view.setUint8(at, value);
    else if (bytes === 2) this.view.setUint16(at, value, this.little);
    else this.view.setUint32(at, value, this.little);
  }

  writeAll(directory: Map<number, Entry>, ...values: [tag: number, value: number][]): void {
    for (const [tag, value] of values) {
      const entry = directory.get(tag);
      if (entry) this.write(entry, value);
    }
  }

  /** Unlinks the second directory, and blanks the picture that it names. */
  dropThumbnail(): void {
    const link = this.first + 2 + ENTRY_BYTES * this.view.getUint16(this.first, this.little);
    if (link + 4 > this.view.byteLength) return;
    const second = this.view.getUint32(link, this.little);
    this.view.setUint32(link, 0, this.little);
    if (!second || second + 2 > this.view.byteLength) return;
    const found = this.directory(second);
    const [start, length] = [THUMBNAIL_START, THUMBNAIL_LENGTH].map((tag) => found.get(tag)?.value ?? 0);
    if (start && length && start + length <= this.view.byteLength) {
      new Uint8Array(this.view.buffer, this.view.byteOffset + start, length).fill(0);
    }
  }

  private read(at: number, bytes: Entry["bytes"]): number {
    if (bytes === 1) return this.view.getUint8(at);
    return bytes === 2 ? this.view.getUint16(at, this.little) : this.view.getUint32(at, this.little);
  }
}
