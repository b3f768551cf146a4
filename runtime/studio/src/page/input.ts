/** Hands on the photograph and on the tools: pointers, keys, files dropped and pasted. */
import { element, make } from "./elements";
import { complain } from "./report";
import type { Stage } from "./stage";
import type { Studio } from "./studio";
import { fNumberAt, STEPS, stepOf } from "./lens";

const [NUDGE, LEAP] = [0.02, 0.1];
const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export interface Tools {
  readonly compare: (on: boolean) => void;
  readonly toggleMap: () => void;
  readonly toggleSweep: () => void;
}

export function listenOnPhotograph(stage: Stage, studio: Studio, tools: Tools): void {
  stage.node.addEventListener("click", (event) => {
    void studio.tap(stage.placeOf(event));
  });
  stage.node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key] as readonly [number, number] | undefined;
    if (arrow) {
      const by = event.shiftKey ? LEAP : NUDGE;
      const { x, y } = stage.cursorPlace;
      stage.moveCursor(x + arrow[0] * by, y + arrow[1] * by);
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.repeat) void studio.tap(stage.cursorPlace);
    } else if (!pressed(event, tools)) return;
    event.preventDefault();
  });
  stage.node.addEventListener("keyup", (event) => {
    if (event.key.toLowerCase() === "c") tools.compare(false);
  });
}

function pressed(event: KeyboardEvent, tools: Tools): boolean {
  const aperture = element<HTMLInputElement>("aperture");
  const turn = (by: number) => {
    aperture.value = String(Math.min(STEPS, Math.max(0, Number(aperture.value) + by)));
    aperture.dispatchEvent(new Event("input"));
    aperture.dispatchEvent(new Event("change"));
  };
  const actions: Readonly<Record<string, () => void>> = {
    c: () => {
      tools.compare(true);
    },
    m: tools.toggleMap,
    s: tools.toggleSweep,
    "[": () => {
      turn(-5);
    },
    "]": () => {
      turn(5);
    },
  };
  const action = actions[event.key.toLowerCase()] as (() => void) | undefined;
  if (!action) return false;
  if (!event.repeat) action();
  return true;
}

/** A button that does something as long as it is held, by pointer or key. */
export function hold(button: HTMLElement, during: (on: boolean) => void): void {
  const end = () => {
    during(false);
  };
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    during(true);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, end);
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    during(true);
  });
  button.addEventListener("keyup", end);
  button.addEventListener("contextmenu", (event) => {
    event.preventDefault();
  });
}

export function listenForFiles(open: (file: Blob, name: string) => void): void {
  const input = element<HTMLInputElement>("file");
  for (const id of ["open", "open-another"]) {
    element(id).addEventListener("click", () => {
      input.click();
    });
  }
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) open(file, file.name);
    input.value = "";
  });
  const drop = element("drop");
  let inside = 0;
  const show = (by: number) => (event: DragEvent) => {
    event.preventDefault();
    inside = Math.max(0, inside + by);
    drop.hidden = inside === 0;
  };
  document.addEventListener("dragenter", show(1));
  document.addEventListener("dragleave", show(-1));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    inside = 0;
    drop.hidden = true;
    take(event.dataTransfer, open);
  });
  document.addEventListener("paste", (event) => {
    take(event.clipboardData, open);
  });
}

function take(from: DataTransfer | null, open: (file: Blob, name: string) => void): void {
  const file = from?.files[0];
  if (file) open(file, file.name || "The photograph");
  else if (from?.types.length) complain("That holds no file. Drop or paste a photograph: JPEG, PNG or WebP.");
}

const SAMPLES = [
  { file: "astronaut.jpg", label: "Astronaut", by: "NASA, public domain" },
  { file: "coffee.jpg", label: "Coffee", by: "Rachel Michetti, CC0" },
  { file: "cat.jpg", label: "Cat", by: "Stéfan van der Walt, CC0" },
];

export function showSamples(open: (file: Blob, name: string) => void): void {
  const items = SAMPLES.map(({ file, label, by }) => {
    const url = `./samples/${file}`;
    const image = make("img", { src: url, alt: "", loading: "lazy" });
    const button = make("button", { type: "button", title: by }, image, make("span", {}, label));
    button.addEventListener("click", () => {
      void fetch(url).then(async (response) => {
        open(await response.blob(), file);
      });
    });
    return make("li", {}, button);
  });
  element("samples").replaceChildren(...items);
}

export function aperture(onMove: (fNumber: number) => void, onRelease: () => void): { set: (fNumber: number) => void } {
  const slider = element<HTMLInputElement>("aperture");
  slider.addEventListener("input", () => {
    onMove(fNumberAt(Number(slider.value)));
  });
  slider.addEventListener("change", onRelease);
  return {
    set: (fNumber) => {
      slider.value = String(stepOf(fNumber));
    },
  };
}
