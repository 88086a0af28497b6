// Views have paths of one part, so that every address can be relative.

import { signal, type Signal } from "@preact/signals";

export const VIEW_NAMES = ["now", "values", "routes", "surface", "learn", "devices", "record", "log"] as const;

export type View = (typeof VIEW_NAMES)[number];

const path = typeof location === "undefined" ? "/" : location.pathname;

/** The path of the page without the view: "/", or that below which a proxy shows it. */
export const basePath = path.slice(0, path.lastIndexOf("/") + 1);

function viewOf(pathname: string): View {
  const name = pathname.slice(pathname.lastIndexOf("/") + 1);
  return VIEW_NAMES.find((each) => each === name) ?? "now";
}

export const view = signal<View>(viewOf(path));

/** What the search field of each view has. */
export const queries = Object.fromEntries(VIEW_NAMES.map((each) => [each, signal("")])) as Record<View, Signal<string>>;

export function href(to: View): string {
  return to === "now" ? basePath : basePath + to;
}

export function go(to: View, query?: string): void {
  if (query !== undefined) queries[to].value = query;
  if (to !== view.value) history.pushState(null, "", href(to));
  view.value = to;
  window.scrollTo(0, 0);
}

export function startRouter(): void {
  const query = new URLSearchParams(location.search).get("q");
  if (query) queries[view.value].value = query;
  window.addEventListener("popstate", () => {
    view.value = viewOf(location.pathname);
  });
}

/** The token in the address, which is removed from there. */
export function takeToken(): string {
  const found = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}
