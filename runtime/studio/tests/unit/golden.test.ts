import { describe, expect, test } from "vitest";
import { errorsOf, goldenInput, goldenRaster, judged } from "../../src/core/golden";
import { sha256 } from "../../src/core/files";
import { readManifest, targetMaxPx } from "../../src/core/manifest";
import { targetSigmaPx } from "../../src/core/optics";
import { textureConfidence, lumaOf, smoothDefocus } from "../../src/core/smoothing";
import { TOLERANCE, exported, read } from "./vectors";

const manifest = exported();
const chain = manifest.golden_chain!;

describe("the golden chain of the export", () => {
  test("smoothing", async () => {
    const [photo, sigma] = await Promise.all([goldenRaster(read, chain.photo), goldenRaster(read, chain.sigma_px)]);
    const { defocusPx } = smoothDefocus(sigma, photo, manifest.sigma_max_px, manifest.conventions.smoothing);
    const errors = await errorsOf(read, chain.defocus_px, defocusPx);
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  });

  test("optics", async () => {
    const { smoothing, optics } = manifest.conventions;
    const [photo, defocus] = await Promise.all([goldenRaster(read, chain.photo), goldenRaster(read, chain.defocus_px)]);
    const confidence = textureConfidence(lumaOf(photo, smoothing), smoothing);
    const [x, y] = chain.focus_xy;
    const target = targetSigmaPx(defocus, confidence, { x, y }, chain.f_number, targetMaxPx(manifest), optics);
    const errors = await errorsOf(read, chain.target_sigma_px, target);
    expect(Math.max(...errors)).toBeLessThan(TOLERANCE);
  });
});

test("every golden file is the one that the manifest describes, and fills its graph", async () => {
  for (const golden of manifest.golden) {
    for (const tensor of golden.inputs) {
      const filled = await goldenInput(read, tensor, golden.height_px, golden.width_px);
      expect([filled.height, filled.width]).toEqual([golden.height_px, golden.width_px]);
    }
  }
}, 60_000);

test("a golden vector is judged by its own statistic", () => {
  const errors = Float64Array.from({ length: 200 }, (_, i) => i / 100);
  const [rms, mean, p99] = judged(errors, [
    { statistic: "rms", at_most: 1 },
    { statistic: "mean", at_most: 1 },
    { statistic: "p99", at_most: 1.97 },
  ]);
  expect(rms.value).toBeCloseTo(Math.sqrt(errors.reduce((s, e) => s + e * e, 0) / 200), 12);
  expect([rms.passed, mean.passed, p99.passed]).toEqual([false, true, true]);
  expect(p99.value).toBe(1.97);
});

test("a NaN passes nothing", () => {
  expect(judged(Float64Array.of(NaN, 0), [{ statistic: "mean", at_most: 1 }])[0].passed).toBe(false);
});

test("a damaged file is named", async () => {
  const damaged: typeof read = async (path) => {
    const bytes = await read(path);
    bytes[0] ^= 1;
    return bytes;
  };
  await expect(goldenRaster(damaged, chain.photo)).rejects.toThrow("chain.photo.u8 is not the file");
});

test("digests are SHA-256", async () => {
  expect(await sha256(new TextEncoder().encode("abc"))).toMatch(/^ba7816bf8f01cfea4141/);
});

test.each([
  ["{", "not JSON"],
  ["{}", "no schema_version, expected 5"],
  [JSON.stringify({ ...manifest, schema_version: 6 }), "schema_version 6, expected 5"],
  [
    JSON.stringify({
      ...manifest,
      conventions: { ...manifest.conventions, optics: { ...manifest.conventions.optics, kind: "pinhole" } },
    }),
    '"pinhole", expected "signed thin lens"',
  ],
])("a manifest of another kind is refused: %#", (text, sentence) => {
  expect(() => readManifest(text)).toThrow(sentence);
});
