// The whole screen for the surface, and a screen that stays on.

import { signal } from "@preact/signals";

export const isFull = signal(false);
/** Whether the screen is kept on. */
export const isKeptOn = signal(false);

/** Why the screen cannot be kept on here; empty if it can. */
export function whyNotKeptOn(): string {
  if (!window.isSecureContext) return "The screen may go dark: a browser keeps it on only over HTTPS, or on the bridge’s own machine.";
  return "wakeLock" in navigator ? "" : "The screen may go dark: this browser cannot keep it on.";
}

/** Hides everything but the surface, on the whole screen where the browser allows it. */
export async function setFull(on: boolean): Promise<void> {
  isFull.value = on;
  document.documentElement.classList.toggle("full", on);
  try {
    if (on && document.fullscreenEnabled) await document.documentElement.requestFullscreen();
    else if (!on && document.fullscreenElement) await document.exitFullscreen();
  } catch {
    // It is refused: the frame of the page is hidden all the same.
  }
}

let lock: WakeLockSentinel | null = null;

async function ask(): Promise<void> {
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => (lock = null));
    isKeptOn.value = true;
  } catch {
    isKeptOn.value = false; // the battery is low, or the page is hidden
  }
}

export async function keepOn(on: boolean): Promise<void> {
  if (on) {
    await ask();
    return;
  }
  isKeptOn.value = false;
  await lock?.release();
}

/** Follows the browser: Escape leaves the whole screen, and a hidden page loses its lock. */
export function followScreen(): () => void {
  const changed = () => {
    if (!document.fullscreenElement && isFull.value && document.fullscreenEnabled) void setFull(false);
  };
  const shown = () => {
    if (!document.hidden && isKeptOn.value && !lock) void ask();
  };
  document.addEventListener("fullscreenchange", changed);
  document.addEventListener("visibilitychange", shown);
  return () => {
    document.removeEventListener("fullscreenchange", changed);
    document.removeEventListener("visibilitychange", shown);
    void setFull(false);
    void keepOn(false);
  };
}
