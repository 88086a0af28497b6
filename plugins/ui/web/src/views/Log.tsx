// The log: live, filtered by level and part, searchable, held, downloaded.

import { computed, signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { clock, count, several, visible } from "../format";
import { Icon, StateMark, type Mark } from "../icons";
import type { LogEvent } from "../protocol";
import { queries } from "../router";
import { events, missed } from "../store";

type Least = "debug" | "info" | "warning" | "error";

const LEVELS: readonly { least: Least; name: string }[] = [
  { least: "debug", name: "All" },
  { least: "warning", name: "Warnings" },
  { least: "error", name: "Errors" },
];

const RANK: Record<LogEvent["level"], number> = { debug: 0, info: 1, warning: 2, error: 3, critical: 4 };
const MARK: Record<LogEvent["level"], Mark> = { debug: "idle", info: "live", warning: "warn", error: "bad", critical: "bad" };
const MAX_SHOWN = 500;
const NEAR_END = 40; // px from the end at which the list follows it

const least = signal<Least>("debug");
export const logPart = signal("");
/** The number of the last event when the list was held; null while it is live. */
const heldAt = signal<number | null>(null);

const partNames = computed(() => [...new Set(events.value.map((each) => each.part))].sort());

const matching = computed(() => {
  const words = queries.log.value.toLowerCase().split(/\s+/).filter(Boolean);
  return events.value.filter(
    (each) =>
      RANK[each.level] >= RANK[least.value] &&
      (!logPart.value || each.part === logPart.value) &&
      (heldAt.value === null || each.number <= heldAt.value) &&
      words.every((word) => `${each.part} ${each.text} ${each.level} ${each.error}`.toLowerCase().includes(word)),
  );
});

const held = computed(() => {
  const at = heldAt.value;
  return at === null ? 0 : events.value.filter((each) => each.number > at).length;
});

export function Log() {
  return (
    <>
      <Tools />
      <List />
    </>
  );
}

function Tools() {
  const isHeld = heldAt.value !== null;
  return (
    <div class="tools">
      <div class="seg" role="group" aria-label="Level">
        {LEVELS.map((each) => (
          <button key={each.least} aria-pressed={least.value === each.least} onClick={() => (least.value = each.least)}>
            {each.name}
            <small>{count(events.value.filter((event) => RANK[event.level] >= RANK[each.least]).length)}</small>
          </button>
        ))}
      </div>
      <label class="pick-one">
        <span class="sr">Part</span>
        <select value={logPart.value} onChange={(event) => (logPart.value = event.currentTarget.value)}>
          <option value="">Every part</option>
          {partNames.value.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
          {logPart.value && !partNames.value.includes(logPart.value) && (
            <option value={logPart.value}>{logPart.value}</option>
          )}
        </select>
      </label>
      <span class="grow" />
      <button
        class="btn"
        aria-pressed={isHeld}
        onClick={() => (heldAt.value = isHeld ? null : (events.value.at(-1)?.number ?? 0))}
      >
        <Icon name={isHeld ? "play" : "pause"} />
        {isHeld ? (held.value ? `Show ${several(held.value, "new event")}` : "Resume") : "Hold"}
      </button>
      <button class="btn" aria-label="Download" onClick={download} disabled={!matching.value.length}>
        <Icon name="download" />
        <span class="desk">Download</span>
      </button>
    </div>
  );
}

function List() {
  const follows = useRef(true);
  const shown = matching.value.slice(-MAX_SHOWN);
  useEffect(() => {
    const scrolled = () => {
      const page = document.documentElement;
      follows.current = page.scrollHeight - page.scrollTop - page.clientHeight < NEAR_END;
    };
    window.addEventListener("scroll", scrolled, { passive: true });
    return () => window.removeEventListener("scroll", scrolled);
  }, []);
  useLayoutEffect(() => {
    if (follows.current) window.scrollTo(0, document.documentElement.scrollHeight);
  }, [shown.at(-1)?.number]);
  if (!events.value.length) return <p class="none">The log is empty.</p>;
  if (!shown.length) return <p class="none">No event matches. Choose another level or part, or a shorter search.</p>;
  const skipped = matching.value.length - shown.length;
  return (
    <section class="panel log" aria-label="Events">
      {(skipped > 0 || missed.value > 0) && (
        <p class="note faint">
          {skipped > 0 && `${several(skipped, "older event")} not shown: search, or download the log. `}
          {missed.value > 0 && `${several(missed.value, "event")} came faster than this page reads.`}
        </p>
      )}
      <div role="log">
        <ol>
          {shown.map((each) => (
            <Event key={each.number} event={each} />
          ))}
        </ol>
      </div>
    </section>
  );
}

function Event({ event }: { event: LogEvent }) {
  const part = event.part.startsWith("oscbridge.") ? "" : event.part;
  return (
    <li class={event.level}>
      <time dateTime={new Date(event.time * 1_000).toISOString()}>{clock(event.time, true)}</time>
      <StateMark mark={MARK[event.level]} label={event.level} />
      {part ? (
        <button class="nm" title={`Only ${part}`} onClick={() => (logPart.value = logPart.value === part ? "" : part)}>
          {part}
        </button>
      ) : (
        <span class="nm faint">bridge</span>
      )}
      <span class="tx">
        {event.text}
        {event.error && (
          <details>
            <summary>Traceback</summary>
            <pre class="mono">{event.error}</pre>
          </details>
        )}
      </span>
    </li>
  );
}

function download(): void {
  const lines = matching.value.map((each) => {
    const at = new Date(each.time * 1_000).toISOString();
    const traceback = each.error ? each.error.split("\n") : [];
    const error = traceback.map((line) => `\n    ${visible(line)}`).join("");
    return `${at} ${each.level.toUpperCase().padEnd(8)} ${visible(each.part)}: ${visible(each.text)}${error}`;
  });
  const url = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `oscbridge-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.log`;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
