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
  surface: (
    <>
      <path d="M5 3v14M10 3v14M15 3v14" opacity=".5" />
      <path d="M3.200 12.500h3.600M8.200 6.500h3.600M13.200 10h3.600" stroke-width="2.500" />
    </>
  ),
  learn: (
    <>
      <circle cx="10" cy="10" r="6.500" />
      <circle cx="10" cy="10" r="1.500" />
      <path d="M10 1.500v3M10 15.500v3M1.500 10h3M15.500 10h3" />
    </>
  ),
  devices: (
    <>
      <rect x="2.500" y="4" width="15" height="9" rx="1.500" />
      <path d="M7 16.500h6M10 13v3.500" />
    </>
  ),
  record: (
    <>
      <circle cx="10" cy="10" r="6.500" />
      <circle cx="10" cy="10" r="2.500" fill="currentColor" />
    </>
  ),
  more: <path d="M4.500 10h.01M10 10h.01M15.500 10h.01" stroke-width="2.500" />,
  search: (
    <>
      <circle cx="9" cy="9" r="5.500" />
      <path d="M13.200 13.200L17 17" />
    </>
  ),
  full: <path d="M3 7.500V3h4.500M17 7.500V3h-4.500M3 12.500V17h4.500M17 12.500V17h-4.500" />,
  sun: (
    <>
      <circle cx="10" cy="10" r="3.200" />
      <path d="M10 2v2M10 16v2M2 10h2M16 10h2M4.300 4.300l1.400 1.400M14.300 14.300l1.400 1.400M4.300 15.700l1.400-1.400M14.300 5.700l1.400-1.400" />
    </>
  ),
  routes: (
    <>
      <circle cx="4" cy="10" r="2" />
      <circle cx="16" cy="4.500" r="2" />
      <circle cx="16" cy="15.500" r="2" />
      <path d="M6 10c5 0 3-5.500 8-5.500M6 10c5 0 3 5.500 8 5.500" />
    </>
  ),
  edit: <path d="M4 16l.8-3.500L13 4.300a1.600 1.600 0 012.300 0l.4.400a1.600 1.600 0 010 2.300L7.500 15.200z" />,
  plus: <path d="M10 4v12M4 10h12" />,
  pin: <path d="M12.500 3l4.500 4.500-3 1-2.500 2.500-.5 3.500-6-6 3.500-.5L11.500 6zM7.500 12.500L3.500 16.500" />,
  lock: <path d="M5 9h10v7.500H5zM7 9V6.500a3 3 0 016 0V9" />,
  unlock: <path d="M5 9h10v7.500H5zM7 9V6a3 3 0 015.800-1" />,
  upload: <path d="M10 13V3.500M6 7l4-4 4 4M4 16.500h12" />,
  stop: <path d="M5.500 5.500h9v9h-9z" />,
  loop: <path d="M4 9V8a3 3 0 013-3h9M13.500 2.500L16 5l-2.500 2.500M16 11v1a3 3 0 01-3 3H4M6.500 17.500L4 15l2.500-2.500" />,
  trash: <path d="M4 6h12M8 6V3.500h4V6M5.500 6l.8 10.500h7.400L14.500 6" />,
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
