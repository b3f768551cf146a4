/** Files of an export, each compared with its digest before anything is done with it. */
import { type ArtifactFile, type GoldenTensor, StudioError } from "./manifest";

/** Gives the bytes of a file of the export, by its path there. */
export type Read = (path: string) => Promise<Uint8Array<ArrayBuffer>>;

export async function readChecked(read: Read, file: Pick<ArtifactFile, "path" | "sha256">): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await read(file.path);
  if ((await sha256(bytes)) !== file.sha256) {
    throw new StudioError(
      `${file.path} is not the file that the manifest describes: it was damaged or changed. Copy the export again.`,
    );
  }
  return bytes;
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const NUMBERS = { uint8: Uint8Array, int8: Int8Array, float32: Float32Array };

/** The numbers of a golden vector, in the file's order, divided by its divisor. */
export async function readGolden(read: Read, tensor: GoldenTensor): Promise<Float32Array> {
  const bytes = await readChecked(read, tensor);
  const type = NUMBERS[tensor.dtype];
  const count = tensor.shape.reduce((product, n) => product * n, 1);
  if (bytes.byteLength !== count * type.BYTES_PER_ELEMENT) {
    throw new StudioError(`${tensor.path} should hold ${count} numbers of ${tensor.dtype}: copy the export again.`);
  }
  const numbers = new type(bytes.buffer, bytes.byteOffset, count);
  return Float32Array.from(numbers, (n) => Math.fround(n) / (tensor.divisor ?? 1));
}
