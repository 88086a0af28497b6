// The frame of all views: navigation, search, and whether the page is connected.

import { useEffect } from "preact/hooks";

import { capital, clock, rateFigure, span } from "./format";
import { Icon, Logo, StateMark } from "./icons";
import { current, preload, shown } from "./navigation";
import { Lazy } from "./parts/Lazy";
import { follow, NavLink, Tabs } from "./parts/Navigation";
import { Sparkline } from "./parts/Sparkline";
import { TokenForm } from "./parts/TokenForm";
import { go, href, queries, view } from "./router";
import { bridgeNow, connection, denied, heard, isAway, isOutdated, online, pulse, state, totals, welcome } from "./store";
import { Log } from "./views/Log";
import { Now } from "./views/Now";

const PRELOAD = 1_000; // ms from the first paint until the other views are loaded

export function Frame() {
  useEffect(() => {
    document.title = `${current.value.name} · oscbridge`;
  }, [current.value]);
  useSearchKey();
  useEffect(() => {
    if (!online.value) return;
    const later = window.setTimeout(preload, PRELOAD);
    return () => window.clearTimeout(later);
  }, [online.value]);
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
      {isOutdated.value ? <Outdated /> : <Gone />}
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
  if (entry.load) return <Lazy key={entry.view} load={entry.load} what="view" />;
  return entry.view === "log" ? <Log /> : <Now />;
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
      {state.value === "lost" && <p>This page keeps trying.</p>}
      {state.value === "denied" && <p>This page keeps trying.</p>}
    </section>
  );
}

function Who() {
  const process = welcome.value?.process;
  if (!process) return <p class="who" />;
  const seconds = bridgeNow.value - process.since;
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

function Outdated() {
  return (
    <div class="gone" role="alert">
      <StateMark mark="warn" label={false} />
      <span class="grow">
        <b>The bridge has another version than this page.</b> Some things may not work until you load the page again.
      </span>
      <button class="btn" onClick={() => location.reload()}>
        Load the page again
      </button>
    </div>
  );
}

function Gone() {
  if (!isAway.value) return null;
  return (
    <div class="gone" role="alert">
      <StateMark mark="bad" label={false} />
      <span class="grow">
        <b>Not connected to the bridge.</b> What you see is from {clock(heard.value / 1_000)}. This page keeps trying.
      </span>
      <button class="btn" onClick={() => connection.hurry()}>
        Try now
      </button>
    </div>
  );
}
