// Icons are drawn here: nothing is loaded, and they take the colour of the text.

import type { ComponentChildren } from "preact";

export type Mark = "live" | "idle" | "mute" | "warn" | "bad";

const MARKS: Record<Mark, () => ComponentChildren> = {
  live: () => <circle cx="7" cy="7" r="4.5" />,
  idle: () => <circle cx="7" cy="7" r="3.75" fill="none" stroke="currentColor" stroke-width="1.5" />,
  mute: () => (
    <g fill="none" stroke="currentColor" stroke-width="1.5">
      <circle cx="7" cy="7" r="4.75" />
      <path d="M3.800 10.200l6.400-6.400" />
    </g>
  ),
  warn: () => <path fill-rule="evenodd" d="M7 .9L13.600 12.600H.4zM6.250 5v4h1.500V5zm0 5v1.400h1.500V10z" />,
  bad: () => (
    <path fill-rule="evenodd" d="M7 .2L13.800 7 7 13.800.2 7zM5 4L4 5l2 2-2 2 1 1 2-2 2 2 1-1-2-2 2-2-1-1-2 2z" />
  ),
};

const WORDS: Record<Mark, string> = { live: "live", idle: "quiet", mute: "muted", warn: "warning", bad: "trouble" };

/** A state: its shape says the same as its colour. */
export function StateMark({ mark, label }: { mark: Mark; label?: string | false }) {
  const hidden = label === false;
  return (
    <svg
      class={`st ${mark}`}
      viewBox="0 0 14 14"
      role={hidden ? undefined : "img"}
      aria-hidden={hidden ? "true" : undefined}
      aria-label={hidden ? undefined : (label ?? WORDS[mark])}
    >
      {MARKS[mark]()}
    </svg>
  );
}

const ICONS = {
  now: <path d="M2 10h3.500l2.500-6 4 12 2.500-6H18" />,
  values: (
    <>
      <path d="M3 5h9M3 10h14M3 15h6" />
      <path d="M15 5h2M12 15h5" opacity=".45" />
    </>
  ),
  log: <path d="M4 4.500h12M4 8.200h8M4 11.800h12M4 15.500h5" />,
  search: (
    <>
      <circle cx="9" cy="9" r="5.500" />
      <path d="M13.200 13.200L17 17" />
    </>
  ),
  pause: <path d="M7 5v10M13 5v10" stroke-width="2" />,
  play: <path d="M7 4.500v11l8-5.500z" />,
  download: <path d="M10 3v9.500M6 9l4 4 4-4M4 16.500h12" />,
  chevron: <path d="M8 5l5 5-5 5" />,
  close: <path d="M5 5l10 10M15 5L5 15" />,
  tick: <path d="M4 10.500l4 4 8-9" stroke-width="2.500" />,
};

export type IconName = keyof typeof ICONS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="i" viewBox="0 0 20 20" aria-hidden="true">
      {ICONS[name]}
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 22 22" aria-hidden="true">
      <g fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round">
        <path d="M2 15c3 0 3-9 6-9s3 10 6 10 3-6 6-6" />
      </g>
      <circle cx="20" cy="10" r="2" fill="currentColor" />
    </svg>
  );
}
