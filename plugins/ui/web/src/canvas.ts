// Drawing on a canvas in the colours of the page.

export interface Prepared {
  context: CanvasRenderingContext2D;
  width: number;
  height: number;
}

/** The context of a canvas, empty and as sharp as the screen; null while it is not shown. */
export function prepared(canvas: HTMLCanvasElement): Prepared | null {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return null;
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = canvas.getContext("2d");
  if (!context) return null;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let colours = new Map<string, string>();

/** The colour with this name in the stylesheet. */
export function colour(name: string): string {
  let found = colours.get(name);
  if (found === undefined) {
    found = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(name, found);
  }
  return found;
}

const themed = new Set<() => void>();

/** Calls `draw` when the theme changes. Returns what ends that. */
export function watchTheme(draw: () => void): () => void {
  themed.add(draw);
  return () => themed.delete(draw);
}

export function startThemes(): void {
  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => {
    colours = new Map();
    for (const draw of themed) draw();
  });
}
