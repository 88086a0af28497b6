// The frame of all views: navigation, search, and whether the page is connected.

import { computed, useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { capital, clock, count, rateFigure, several, span } from "./format";
import { Icon, Logo, StateMark, type IconName } from "./icons";
import { Sparkline } from "./parts/Sparkline";
import { TokenForm } from "./parts/TokenForm";
import { go, href, queries, view, type View } from "./router";
import { connection, denied, heard, isAway, online, pulse, state, totals, welcome } from "./store";
import { Log } from "./views/Log";
import { Now } from "./views/Now";

interface Entry {
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

const MAX_TABS = 5; // on a phone; further views are behind the last tab

/** The views that this token shows. */
const shown = computed(() => {
  const allowed = welcome.value?.views;
  return VIEWS.filter((each) => !allowed || allowed.includes(each.view));
});

const current = computed(() => VIEWS.find((each) => each.view === view.value) ?? VIEWS[0]!);

export function Frame() {
  useEffect(() => {
    document.title = `${current.value.name} · oscbridge`;
  }, [current.value]);
  useSearchKey();
  if (denied.value?.token_needed) return <TokenForm reason={denied.value.reason} />;
  return (
    <div class={`app ${isAway.value ? "away" : ""}`}>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <aside class="rail">
        <a class="brand" href={href("now")} onClick={follow("now")} aria-label="oscbridge, to the view Now">
          <Logo />
          <span>oscbridge</span>
        </a>
        <nav aria-label="Views">
          {shown.value.map((each) => (
            <NavLink key={each.view} entry={each} />
          ))}
        </nav>
        <Who />
      </aside>
      <header class="top">
        <h1>{current.value.name}</h1>
        <Link />
        <SearchField />
        <Throughput />
      </header>
      <Gone />
      <main id="main" class={`view-${view.value}`} tabIndex={-1}>
        <CurrentView />
      </main>
      <Tabs />
    </div>
  );
}

function CurrentView() {
  if (!welcome.value) return <Waiting />;
  const entry = current.value;
  if (!shown.value.includes(entry)) {
    return (
      <section class="waiting">
        <StateMark mark="mute" label={false} />
        <h2>This token does not show {entry.name}.</h2>
      </section>
    );
  }
  if (entry.load) return <LazyView key={entry.view} load={entry.load} />;
  return entry.view === "log" ? <Log /> : <Now />;
}

/** A view that is loaded when it is opened. */
function LazyView({ load }: { load: () => Promise<ComponentType> }) {
  const found = useSignal<ComponentType | null>(null);
  useEffect(() => {
    void load().then((view) => (found.value = view));
  }, [found, load]);
  const View = found.value;
  return View ? <View /> : null;
}

/** The navigation of a phone. */
function Tabs() {
  const isOpen = useSignal(false);
  const all = shown.value;
  const first = all.length > MAX_TABS ? all.slice(0, MAX_TABS - 1) : all;
  const rest = all.slice(first.length);
  return (
    <nav class="tabs" aria-label="Views">
      {first.map((each) => (
        <NavLink key={each.view} entry={each} />
      ))}
      {rest.length > 0 && (
        <button
          class={rest.some((each) => each.view === view.value) ? "here" : ""}
          aria-expanded={isOpen.value}
          aria-controls="more-views"
          onClick={() => (isOpen.value = !isOpen.value)}
        >
          <Icon name="more" />
          <span>More</span>
        </button>
      )}
      {isOpen.value && (
        <div id="more-views" class="more" onClick={() => (isOpen.value = false)}>
          {rest.map((each) => (
            <NavLink key={each.view} entry={each} />
          ))}
        </div>
      )}
    </nav>
  );
}

function Waiting() {
  const text =
    state.value === "denied"
      ? `${capital(denied.value?.reason ?? "no access")}.`
      : state.value === "lost"
        ? "The bridge does not answer. It may be stopped, or restarting."
        : "Connecting to the bridge…";
  return (
    <section class="waiting" role="status">
      {state.value === "connecting" ? <StateMark mark="idle" label={false} /> : <StateMark mark="bad" label={false} />}
      <h2>{text}</h2>
      {state.value === "lost" && <p>This page tries again until it does.</p>}
      {state.value === "denied" && <p>This page tries again.</p>}
    </section>
  );
}

function follow(to: View) {
  return (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
}

function NavLink({ entry }: { entry: Entry }) {
  const { view: to, name, icon } = entry;
  return (
    <a href={href(to)} onClick={follow(to)} aria-current={view.value === to ? "page" : undefined} aria-label={label(entry)}>
      <Icon name={icon} />
      <span>{name}</span>
      {to === "now" && <Flag />}
      {to === "values" && !!pulse.value?.addresses && <span class="n">{count(pulse.value.addresses)}</span>}
    </a>
  );
}

function label({ view: to, name }: Entry): string | undefined {
  const { bad = 0, warn = 0 } = pulse.value ?? {};
  if (to !== "now" || !(bad + warn)) return undefined;
  const found = [bad && several(bad, "problem"), warn && several(warn, "warning")].filter(Boolean);
  return `${name}, ${found.join(", ")}`;
}

/** Trouble is visible from every view. */
function Flag() {
  const { bad = 0, warn = 0 } = pulse.value ?? {};
  if (!bad && !warn) return null;
  return (
    <span class="flag">
      <StateMark mark={bad ? "bad" : "warn"} label={false} />
    </span>
  );
}

function Who() {
  const process = welcome.value?.process;
  if (!process) return <p class="who" />;
  const seconds = heard.value / 1_000 - process.since;
  return (
    <p class="who">
      <b>{process.built_in ? "Built-in configuration" : fileName(process.configuration)}</b>
      oscbridge {process.version}
      <br />
      {process.dry ? "dry run, nothing is sent" : online.value ? `up ${span(Math.max(seconds, 1))}` : "not connected"}
    </p>
  );
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function Link() {
  const [mark, text] = online.value
    ? (["live", "Connected"] as const)
    : state.value === "connecting" && !isAway.value
      ? (["idle", "Connecting"] as const)
      : (["bad", "Not connected"] as const);
  return (
    <span class="link" role="status">
      <StateMark mark={mark} label={false} />
      <span>{text}</span>
    </span>
  );
}

function SearchField() {
  const query = queries[view.value];
  return (
    <label class="find">
      <Icon name="search" />
      <span class="sr">{current.value.find}</span>
      <input
        id="search"
        type="search"
        role="searchbox"
        autocomplete="off"
        spellcheck={false}
        placeholder={current.value.find}
        value={query.value}
        onInput={(event) => (query.value = event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            query.value = "";
            event.currentTarget.blur();
          } else if (event.key === "Enter" && view.value === "now" && query.value.startsWith("/")) {
            go("values", query.value);
          }
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function useSearchKey(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const at = event.composedPath()[0] as HTMLElement | undefined; // also within an editor
      const isTyping = at?.closest?.("input, textarea, select, [contenteditable=true]");
      if (event.key !== "/" || event.ctrlKey || event.metaKey || isTyping) return;
      event.preventDefault();
      document.getElementById("search")?.focus();
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  }, []);
}

function Throughput() {
  return (
    <span class="flow-now">
      <Sparkline series={totals.received.series} version={pulse} length={60} area={false} most={5} />
      <b>{online.value ? rateFigure(totals.received.rate.value) : "–"}</b>
      <span>
        /s<span class="per"> in</span>
      </span>
    </span>
  );
}

function Gone() {
  if (!isAway.value) return null;
  return (
    <div class="gone" role="alert">
      <StateMark mark="bad" label={false} />
      <span class="grow">
        <b>Not connected to the bridge.</b> What you see is from {clock(heard.value / 1_000)}. This page tries again.
      </span>
      <button class="btn" onClick={() => connection.hurry()}>
        Try now
      </button>
    </div>
  );
}
