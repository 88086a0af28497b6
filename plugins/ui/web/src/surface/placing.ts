// Where controls are on the grid of a page.

export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const MAX_ROWS = 100; // of a page: the bridge accepts no more

const MAX_SPAN = 48; // cells of a control in one direction: the bridge accepts no more

export function overlap(a: Place, b: Place): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}

/** The first free place for a control of this size: beside the others, then below them. */
export function freePlace(taken: readonly Place[], columns: number, w: number, h: number): Place {
  const wide = Math.min(w, columns);
  for (let y = 0; y <= MAX_ROWS - h; y++) {
    for (let x = 0; x + wide <= columns; x++) {
      const place = { x, y, w: wide, h };
      if (!taken.some((each) => overlap(each, place))) return place;
    }
  }
  return { x: 0, y: MAX_ROWS - h, w: wide, h };
}

/** A place that is moved or made larger by some cells, within the page. */
export function moved(from: Place, columns: number, by: Partial<Place>): Place {
  const within = (value: number, least: number, most: number) => Math.min(Math.max(value, least), Math.max(least, most));
  const w = within(from.w + (by.w ?? 0), 1, Math.min(MAX_SPAN, by.w ? columns - from.x : columns));
  const h = within(from.h + (by.h ?? 0), 1, Math.min(MAX_SPAN, MAX_ROWS - from.y));
  return { x: within(from.x + (by.x ?? 0), 0, columns - w), y: within(from.y + (by.y ?? 0), 0, MAX_ROWS - h), w, h };
}

/** The rows of a page: some at least, so that a few controls do not fill the screen. */
export function rowsOf(widgets: readonly Place[], least: number): number {
  return Math.max(least, ...widgets.map((each) => each.y + each.h));
}

/** What is different in a place: the rest may be moved by another browser meanwhile. */
export function changedPlace(from: Place, to: Place): Partial<Place> {
  return Object.fromEntries((["x", "y", "w", "h"] as const).flatMap((key) => (from[key] === to[key] ? [] : [[key, to[key]]])));
}

/** The style of a control: its place on the grid, and its colour. */
export function gridArea(place: Place, colour: string): Record<string, string> {
  return {
    gridColumn: `${place.x + 1} / span ${place.w}`,
    gridRow: `${place.y + 1} / span ${place.h}`,
    ...(colour && { "--c": colour }),
  };
}
