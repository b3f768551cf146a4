/** The numbers of the sliders: f-numbers by stops, distances from near to far. */

/** From the slider's left, hardly any blur, to its right, the most. */
const [SMALLEST, LARGEST] = [16, 0.5];
export const STEPS = 100;

export function fNumberAt(step: number): number {
  return SMALLEST * (LARGEST / SMALLEST) ** (step / STEPS);
}

export function stepOf(fNumber: number): number {
  return Math.round((Math.log(fNumber / SMALLEST) / Math.log(LARGEST / SMALLEST)) * STEPS);
}

export function asText(fNumber: number): string {
  return `f/${fNumber < 10 ? fNumber.toFixed(1) : fNumber.toFixed(0)}`;
}

/** How far a lens stands open, for a drawing: 1 is the most. */
export function opening(fNumber: number): number {
  return 0.16 + 0.84 * (stepOf(fNumber) / STEPS);
}

export function between(near: number, far: number, step: number): number {
  return near + ((far - near) * step) / STEPS;
}

export function placeOf(near: number, far: number, value: number): number {
  return far > near ? Math.min(1, Math.max(0, (value - near) / (far - near))) : 0;
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
