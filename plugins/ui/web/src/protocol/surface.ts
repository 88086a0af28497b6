// Made by `python -m oscbridge_ui.typescript` from oscbridge_ui/*messages.py. Do not edit.

import type { ValueRow } from "./values";

/** A control, a display, or a text on a page. */
export interface Widget {
  kind: "fader" | "button" | "xy" | "menu" | "colour" | "meter" | "text" | "label";
  label: string;
  address: string;
  types: string;
  target: string;
  received: boolean;
  x: number;
  y: number;
  w: number;
  h: number;
  colour: string;
  unit: string;
  least: number;
  most: number;
  choices: readonly (boolean | number | string | null)[];
  mode: "momentary" | "toggle" | "trigger";
  confirm: boolean;
  on: boolean | number | string | null;
  off: boolean | number | string | null;
  args: readonly (boolean | number | string | null)[];
  id: string;
}

/** A page of the surface. */
export interface SurfacePage {
  id: string;
  name: string;
  columns: number;
  locked: boolean;
  tokens: readonly string[];
  widgets: readonly Widget[];
}

/** The file of a surface. */
export interface SurfaceDocument {
  format: "oscbridge surface";
  version: "1";
  revision: number;
  pages: readonly SurfacePage[];
}

/** New values for a control; those that are left out stay. */
export interface WidgetChange {
  kind?: "fader" | "button" | "xy" | "menu" | "colour" | "meter" | "text" | "label";
  label?: string;
  address?: string;
  types?: string;
  target?: string;
  received?: boolean;
  x?: number;
  y?: number;
  w?: number;
  h?: number;
  colour?: string;
  unit?: string;
  least?: number;
  most?: number;
  choices?: readonly (boolean | number | string | null)[];
  mode?: "momentary" | "toggle" | "trigger";
  confirm?: boolean;
  on?: boolean | number | string | null;
  off?: boolean | number | string | null;
  args?: readonly (boolean | number | string | null)[];
}

/** New values for a page; those that are left out stay. */
export interface PageChange {
  name?: string;
  columns?: number;
  locked?: boolean;
  tokens?: readonly string[];
  position?: number;
}

/** Add a page after the others. */
export interface AddPage {
  op: "add_page";
  page: SurfacePage;
}

/** Change a page, but not its controls. */
export interface ChangePage {
  op: "change_page";
  page: string;
  changes: PageChange;
}

/** Remove a page. */
export interface RemovePage {
  op: "remove_page";
  page: string;
}

/** Put a control onto a page. */
export interface AddWidget {
  op: "add_widget";
  page: string;
  widget: Widget;
}

/** Change a control. */
export interface ChangeWidget {
  op: "change_widget";
  page: string;
  widget: string;
  changes: WidgetChange;
}

/** Remove a control. */
export interface RemoveWidget {
  op: "remove_widget";
  page: string;
  widget: string;
}

/** Watch the pages, and the values of one of them. A further one shows another page. */
export interface WatchSurface {
  type: "watch_surface";
  page?: string;
}

/** Edit pages and controls: all of the edits, or none. Requires the right ``configure``. */
export interface EditSurface {
  type: "edit_surface";
  id: number;
  edits: string;
}

/** The pages that this token shows, and the values of one, or their changes. */
export interface SurfaceState {
  type: "surface";
  time: number;
  revision: number;
  order: readonly string[] | null;
  pages: readonly SurfacePage[];
  rows: readonly ValueRow[];
  file: string;
  problem: string;
  token_names: readonly string[];
}

export type SurfaceEdit =
  | AddPage
  | ChangePage
  | RemovePage
  | AddWidget
  | ChangeWidget
  | RemoveWidget;
