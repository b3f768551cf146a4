/** What the page and its worker say to each other. */
import type { Lens } from "../core/pipeline";
import type { Size } from "../core/raster";
import type { Surroundings } from "./rows";
import type { SelfTestReport } from "./selftest";

export type Accelerator = "wasm" | "webgpu";

/** What was asked for, what was got, and why where they differ. */
export interface Engine {
  readonly requested: Accelerator;
  readonly used: Accelerator;
  readonly why: string;
  readonly threads: number;
}

/** A step with the milliseconds it took. */
export interface Timing {
  readonly stage: string;
  readonly ms: number;
}

export interface Choice {
  readonly precision: string;
  readonly accelerator: Accelerator;
}

/** A picture for a canvas: RGBA of 8 bits. */
export interface Screen extends Size {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export interface Requests {
  /** Loads the manifest and the runtime. */
  start: {
    /** willOpen: whether a photograph is to come, for which the networks are made ready. */
    given: { artifactsUrl: string; wasmUrl: string; choice: Partial<Choice>; willOpen: boolean };
    answer: Started;
  };
  /** Reads a photograph, and analyses it. */
  open: { given: { file: Blob; name: string }; answer: Opened };
  /** At the working size, by the refocusing graph. */
  refocus: { given: Lens; answer: Refocused };
  /** Likewise by the quick form; where it cannot be had at once, null if it must be. */
  preview: { given: { lens: Lens; atOnce: boolean }; answer: (Screen & { isComplete: boolean }) | null };
  /** At the photograph's own size, as a file. */
  save: { given: Lens; answer: Saved };
  /** Runs the golden vectors of one file, or of what happens between the graphs. */
  selfTest: { given: { id: string; runs: number; surroundings: Surroundings }; answer: SelfTestReport };
}

export interface Started {
  readonly engine: Engine;
  readonly precision: string;
  readonly precisions: string[];
  /** Ids of the files that can be tested. */
  readonly files: string[];
  /** Height and width that the files take. */
  readonly tile: Size;
  /** Of Reblur, and the day of the export. */
  readonly version: string;
  readonly exported: string;
}

export interface Opened {
  readonly name: string;
  readonly photo: Size;
  readonly original: Screen;
  readonly map: Screen;
  /** Blur, in pixels of the working size, that the map shows in its lightest colour. */
  readonly mapMostPx: number;
  /** Where to focus until somebody taps. */
  readonly focus: { x: number; y: number };
  readonly nearest: number;
  readonly farthest: number;
  readonly timings: Timing[];
  readonly engine: Engine;
  /** What is not as the photograph had it, in sentences. */
  readonly notes: string[];
}

export interface Refocused {
  readonly screen: Screen;
  readonly focusDefocusPx: number;
  readonly timings: Timing[];
}

export interface Saved {
  readonly blob: Blob;
  readonly name: string;
  readonly timings: Timing[];
  readonly notes: string[];
}

export type Method = keyof Requests;

/** What a request tells while it runs. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export type Reply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: string; readonly isMistake: boolean };
