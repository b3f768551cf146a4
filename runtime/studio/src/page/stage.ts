/** The photograph on the page: its layers, the ring where it is focused, and the cursor that the keyboard moves. */
import type { Screen } from "../engine/messages";
import { gradient } from "../core/colours";
import { element } from "./elements";

export type Layer = "original" | "map";

/** Of what is shown before the worker has answered. */
const FIRST_LONG_SIDE_PX = 1024;
const RESTS_AFTER_MS = 1400;

export class Stage {
  private readonly frame = element("photograph");
  private readonly picture = element<HTMLCanvasElement>("picture");
  private readonly layers: Record<Layer, HTMLCanvasElement> = {
    original: element<HTMLCanvasElement>("original"),
    map: element<HTMLCanvasElement>("map"),
  };
  private readonly reticle = element("reticle");
  private readonly cursor = element("cursor");
  private readonly badge = element("badge");
  private readonly scale = element("scale");
  private resting = 0;
  private place = { x: 0.5, y: 0.5 };

  constructor() {
    element("ramp").style.background = gradient();
  }

  get node(): HTMLElement {
    return this.frame;
  }

  /** A new photograph, before anything is known of it. */
  begin(bitmap: ImageBitmap): void {
    this.setRatio(bitmap.width, bitmap.height);
    const scale = Math.min(1, FIRST_LONG_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    this.picture.width = Math.round(bitmap.width * scale);
    this.picture.height = Math.round(bitmap.height * scale);
    this.picture.getContext("2d")!.drawImage(bitmap, 0, 0, this.picture.width, this.picture.height);
    for (const layer of ["original", "map"] as const) this.show(layer, false);
    this.reticle.className = "reticle";
  }

  set busy(is: boolean) {
    this.frame.classList.toggle("busy", is);
    this.frame.setAttribute("aria-busy", String(is));
  }

  fill(layer: Layer | "picture", screen: Screen): void {
    const canvas = layer === "picture" ? this.picture : this.layers[layer];
    if (layer === "original") this.setRatio(screen.width, screen.height);
    if (canvas.width !== screen.width) canvas.width = screen.width;
    if (canvas.height !== screen.height) canvas.height = screen.height;
    canvas.getContext("2d")!.putImageData(new ImageData(screen.rgba, screen.width, screen.height), 0, 0);
  }

  show(layer: Layer, shown: boolean): void {
    this.layers[layer].classList.toggle("shown", shown);
    if (layer === "map") this.scale.hidden = !shown;
    this.badge.textContent = layer === "original" ? "As it was taken" : "How blurred it was";
    this.badge.classList.toggle("shown", shown);
  }

  /** Where the photograph is focused; null where that is no point. */
  mark(focus: { x: number; y: number } | null): void {
    clearTimeout(this.resting);
    this.reticle.className = "reticle";
    if (!focus) return;
    this.put(this.reticle, focus.x, focus.y);
    this.moveCursor(focus.x, focus.y);
    this.reticle.getBoundingClientRect(); // so that the animation begins anew
    this.reticle.classList.add("shown", "tapped");
    this.resting = window.setTimeout(() => {
      this.reticle.classList.add("resting");
    }, RESTS_AFTER_MS);
  }

  moveCursor(x: number, y: number): void {
    this.place = { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
    this.put(this.cursor, this.place.x, this.place.y);
  }

  get cursorPlace(): { x: number; y: number } {
    return this.place;
  }

  /** A place on the page as one of the photograph. */
  placeOf(event: { clientX: number; clientY: number }): { x: number; y: number } {
    const box = this.frame.getBoundingClientRect();
    const share = (at: number, from: number, length: number) => Math.min(1, Math.max(0, (at - from) / length));
    return { x: share(event.clientX, box.left, box.width), y: share(event.clientY, box.top, box.height) };
  }

  private put(mark: HTMLElement, x: number, y: number): void {
    mark.style.setProperty("--x", String(x));
    mark.style.setProperty("--y", String(y));
  }

  private setRatio(width: number, height: number): void {
    this.frame.parentElement!.style.setProperty("--ratio", String(width / height));
  }
}
