/** What the studio does: one photograph, one lens, and the worker that is asked as often as it can answer. */
import type { Client } from "../engine/client";
import { WorkerError } from "../engine/client";
import type { Lens } from "../core/pipeline";
import type { Opened, Progress, Started } from "../engine/messages";
import { decode } from "../photo/photo";
import { element } from "./elements";
import { STEPS, asText, between, percent, placeOf, seconds } from "./lens";
import { type Ran, complain, say, settle, showProgress } from "./report";
import type { Stage } from "./stage";

const FIRST_F_NUMBER = 1.4;

export class Studio {
  private fNumber = FIRST_F_NUMBER;
  private focus: Lens["focus"] = { x: 0.5, y: 0.5 };
  private opened: Opened | null = null;
  private tapping = false;
  private taps = 0;
  private previewing = false;
  private wanted: Lens | null = null;
  /** Told when a slider has to follow. */
  onLens: (fNumber: number, distance: number) => void = () => undefined;

  constructor(
    private readonly client: Client,
    private readonly started: Promise<Started>,
    private readonly stage: Stage,
    private readonly ran: Ran,
  ) {}

  get isOpen(): boolean {
    return this.opened !== null;
  }

  async open(file: Blob, name: string): Promise<void> {
    settle();
    const since = performance.now();
    try {
      await this.showAsItIs(file, name);
      this.opened = null;
      this.ran.clear();
      this.stage.busy = true;
      await this.started;
      const onProgress = (progress: Progress) => {
        showProgress(progress);
        say(`${progress.what} …`);
      };
      const opened = await this.client.ask("open", { file, name }, onProgress);
      this.opened = opened;
      this.stage.fill("original", opened.original);
      this.stage.fill("map", opened.map);
      element("scale-most").textContent = `${opened.mapMostPx} px of blur`;
      const { height, width } = opened.photo;
      element("download-size").textContent = `${width} × ${height}`;
      this.ran.add(opened.timings);
      await this.tap(opened.focus, `Focused by itself after ${seconds(performance.now() - since)}; tap to focus elsewhere`);
    } catch (error) {
      this.fail(error);
      if (!this.opened) document.body.dataset.state = "empty";
    } finally {
      this.stage.busy = false;
      showProgress(null);
    }
  }

  /** The photograph on the page before anything is known of it, where the browser can read it. */
  private async showAsItIs(file: Blob, name: string): Promise<void> {
    say(`Reading ${name} …`);
    try {
      const bitmap = await decode(file);
      this.stage.begin(bitmap);
      bitmap.close();
      document.body.dataset.state = "open";
    } catch {
      // The worker says what is wrong with it.
    }
  }

  /** Focus on a point, or on a defocus; first as a preview, then as the refocusing graph has it. */
  async tap(focus: Lens["focus"], told = ""): Promise<void> {
    if (!this.opened) return;
    this.focus = focus;
    this.stage.mark("x" in focus ? focus : null);
    this.taps++;
    if (this.tapping) return; // the loop below goes on to it
    this.tapping = true;
    try {
      for (let answered = 0; answered !== this.taps; ) {
        answered = this.taps;
        const since = performance.now();
        const lens = { focus: this.focus, fNumber: this.fNumber };
        await this.preview(lens, true);
        const { screen, focusDefocusPx, timings } = await this.client.ask("refocus", lens);
        this.stage.fill("picture", screen);
        this.ran.add(timings);
        this.onLens(this.fNumber, this.placeOf(focusDefocusPx));
        const took = seconds(performance.now() - since);
        say(told ? `${told}.` : `${this.where(lens.focus)}, ${asText(this.fNumber)}, in ${took}.`);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.tapping = false;
    }
  }

  /** While a finger moves: as many previews as there is time for, the last wish always. */
  async move(change: { fNumber?: number; step?: number }): Promise<void> {
    if (!this.opened) return;
    if (change.fNumber !== undefined) this.fNumber = change.fNumber;
    if (change.step !== undefined) {
      this.focus = { defocusPx: between(this.opened.nearest, this.opened.farthest, change.step) };
      this.stage.mark(null);
    }
    this.wanted = { focus: this.focus, fNumber: this.fNumber };
    if (this.previewing) return;
    this.previewing = true;
    try {
      while (this.wanted) {
        const lens: Lens = this.wanted;
        this.wanted = null;
        await this.preview(lens, false);
      }
    } catch (error) {
      this.fail(error);
    } finally {
      this.previewing = false;
    }
  }

  /** When the finger is lifted. */
  async release(): Promise<void> {
    this.wanted = null;
    await this.tap(this.focus);
  }

  private async preview(lens: Lens, atOnce: boolean): Promise<void> {
    const since = performance.now();
    const screen = await this.client.ask("preview", { lens, atOnce });
    if (!screen) return;
    this.stage.fill("picture", screen);
    this.ran.add([{ stage: "preview", ms: performance.now() - since }]);
    previewFrames.push(performance.now());
  }

  async save(): Promise<void> {
    if (!this.opened) return;
    const button = element<HTMLButtonElement>("download");
    button.disabled = true;
    const since = performance.now();
    try {
      const lens = { focus: this.focus, fNumber: this.fNumber };
      const saved = await this.client.ask("save", lens, (progress) => {
        showProgress(progress);
        say(`${progress.what}: ${percent(progress.done / progress.total)}`);
      });
      const url = URL.createObjectURL(saved.blob);
      const link = Object.assign(document.createElement("a"), { href: url, download: saved.name });
      link.click();
      setTimeout(() => {
        URL.revokeObjectURL(url);
      }, 60_000);
      this.ran.add(saved.timings);
      const { height, width } = this.opened.photo;
      const took = seconds(performance.now() - since);
      say([`Saved ${saved.name}, ${width} × ${height}, in ${took}.`, ...saved.notes].join(" "));
    } catch (error) {
      this.fail(error);
    } finally {
      button.disabled = false;
      showProgress(null);
    }
  }

  private placeOf(defocusPx: number): number {
    return this.opened ? placeOf(this.opened.nearest, this.opened.farthest, defocusPx) * STEPS : 0;
  }

  private where(focus: Lens["focus"]): string {
    if ("x" in focus) return `Focused ${percent(focus.x)} from the left, ${percent(focus.y)} from the top`;
    return `Focused ${percent(this.placeOf(focus.defocusPx) / STEPS)} of the way from near to far`;
  }

  private fail(error: unknown): void {
    if (!(error instanceof WorkerError)) throw error;
    complain(error.isMistake ? error.message : `Something went wrong in the studio: ${error.message}.`);
    say("");
    if (!error.isMistake) console.error(error);
  }
}

/** When each preview came to the screen: what a test of the frame rate reads. */
export const previewFrames: number[] = [];
