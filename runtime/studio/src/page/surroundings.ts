/** What this browser tells of itself and of the machine. */
import type { Surroundings } from "../engine/rows";

const BROWSERS: readonly (readonly [string, RegExp])[] = [
  ["Edge", /Edg\/([\d.]+)/],
  ["Firefox", /Firefox\/([\d.]+)/],
  ["Chromium", /Chrome\/([\d.]+)/],
  ["Safari", /Version\/([\d.]+).*Safari/],
];
const SYSTEMS: readonly (readonly [string, RegExp])[] = [
  ["iOS", /iPhone/],
  ["iPadOS", /iPad/],
  ["Android", /Android/],
  ["ChromeOS", /CrOS/],
  ["macOS", /Mac OS X/],
  ["Windows", /Windows/],
  ["Linux", /Linux/],
];

export function surroundings(): Surroundings {
  const agent = navigator.userAgent;
  const [browser, version] = BROWSERS.map(([name, pattern]) => [name, pattern.exec(agent)?.[1]] as const).find(
    ([, found]) => found,
  ) ?? ["A browser", "of unknown version"];
  const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  return {
    runId: `studio-${new Date().toISOString().replace(/[:.]/g, "-")}`,
    version: __STUDIO_VERSION__,
    browser: `${browser} ${version ?? ""}`,
    os: SYSTEMS.find(([, pattern]) => pattern.test(agent))?.[0] ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryMib: deviceMemory ? deviceMemory * 1024 : null,
  };
}
