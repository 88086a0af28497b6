// Links to the views: in the rail, and in the tab bar of a phone.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { count, several } from "../format";
import { Icon, StateMark } from "../icons";
import { shown, type Entry } from "../navigation";
import { go, href, view, type View } from "../router";
import { pulse } from "../store";

const MAX_TABS = 5; // on a phone; further views are behind the last tab

/** The navigation of a phone. */
export function Tabs() {
  const isOpen = useSignal(false);
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!isOpen.value) return;
    const press = (event: PointerEvent) => {
      if (!nav.current?.contains(event.target as Node)) isOpen.value = false;
    };
    document.addEventListener("pointerdown", press);
    return () => document.removeEventListener("pointerdown", press);
  }, [isOpen.value]);
  const leave = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !isOpen.value) return;
    isOpen.value = false;
    nav.current?.querySelector("button")?.focus();
  };
  const all = shown.value;
  const first = all.length > MAX_TABS ? all.slice(0, MAX_TABS - 1) : all;
  const rest = all.slice(first.length);
  return (
    <nav ref={nav} class="tabs" aria-label="Views" onKeyDown={leave}>
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

export function follow(to: View) {
  return (event: MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(to);
  };
}

export function NavLink({ entry }: { entry: Entry }) {
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
