// The views: their names, their icons, and how they are loaded.

import { computed } from "@preact/signals";
import type { ComponentType } from "preact";

import type { IconName } from "./icons";
import { view, type View } from "./router";
import { welcome } from "./store";

export interface Entry {
  view: View;
  name: string;
  icon: IconName;
  find: string;
  /** Loads it when it is opened; others are part of the first paint. */
  load?: () => Promise<ComponentType>;
}

const VIEWS: readonly Entry[] = [
  { view: "now", name: "Now", icon: "now", find: "Find a route or device" },
  {
    view: "values",
    name: "Values",
    icon: "values",
    find: "Address, value, type or sender",
    load: () => import("./views/Values").then((module) => module.Values),
  },
  {
    view: "routes",
    name: "Routes",
    icon: "routes",
    find: "Find a route, address or device",
    load: () => import("./views/Routes").then((module) => module.Routes),
  },
  {
    view: "surface",
    name: "Surface",
    icon: "surface",
    find: "Find a control",
    load: () => import("./views/Surface").then((module) => module.Surface),
  },
  {
    view: "learn",
    name: "Learn",
    icon: "learn",
    find: "Find a moved control",
    load: () => import("./views/Learn").then((module) => module.Learn),
  },
  {
    view: "devices",
    name: "Devices",
    icon: "devices",
    find: "Find a device or a plugin",
    load: () => import("./views/Devices").then((module) => module.Devices),
  },
  {
    view: "record",
    name: "Record",
    icon: "record",
    find: "Find a recording",
    load: () => import("./views/Record").then((module) => module.Record),
  },
  { view: "log", name: "Log", icon: "log", find: "Find in the log" },
];

/** The views that this token shows. */
export const shown = computed(() => {
  const allowed = welcome.value?.views;
  return VIEWS.filter((each) => !allowed || allowed.includes(each.view));
});

/** Loads all views, so that they open at once, also while the bridge is away. */
export function preload(): void {
  for (const each of shown.value) each.load?.().catch(() => undefined); // it is tried again when it is opened
}

export const current = computed(() => VIEWS.find((each) => each.view === view.value) ?? VIEWS[0]!);
