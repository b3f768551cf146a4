/** Moves the focus from near to far and back, until it is stopped. */
import { element } from "./elements";
import { STEPS } from "./lens";

const ONE_WAY_MS = 2600;

export class Sweep {
  private playing = false;

  /**
   * @param move puts the focus somewhere between near, 0, and far, `STEPS`.
   * @param end is called when it has stopped.
   */
  constructor(
    private readonly move: (step: number) => Promise<void>,
    private readonly end: () => void,
  ) {}

  toggle(): void {
    if (this.playing) this.stop();
    else void this.play();
  }

  get isPlaying(): boolean {
    return this.playing;
  }

  stop(): void {
    this.playing = false;
  }

  private async play(): Promise<void> {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.playing = true;
    element("sweep").setAttribute("aria-pressed", "true");
    const since = performance.now();
    while (this.isPlaying && document.body.dataset.state === "open") {
      const now = await new Promise<number>(requestAnimationFrame);
      const way = ((now - since) / ONE_WAY_MS) % 2;
      // Slow at both ends, as a hand turns a ring.
      const eased = (1 - Math.cos(Math.PI * (way > 1 ? 2 - way : Math.max(0, way)))) / 2;
      await this.move(eased * STEPS);
    }
    this.playing = false;
    element("sweep").setAttribute("aria-pressed", "false");
    this.end();
  }
}
