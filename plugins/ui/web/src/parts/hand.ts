// The cap of a fader or a pad: where the hand holds it, on a scale, while the device may say another value.

import { useEffect, useRef, useState } from "preact/hooks";

const AFTER = 300; // ms after a release in which the cap does not follow the device
export const FINE = 0.1; // how much finer a drag is with Shift, or with the finger drawn aside

export interface Scale {
  least: number;
  most: number;
  whole: boolean;
}

export function clamp(value: number, scale: Scale): number {
  const found = Math.min(Math.max(value, scale.least), scale.most);
  return scale.whole ? Math.round(found) : found;
}

export function share(value: number, { least, most }: Scale): number {
  return most > least ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 0;
}

/** The position of a cap: the hand's while it is held, then the device's again. */
export function useHand(device: number): [number, (value: number) => void, (isHeld: boolean) => void] {
  const [hand, setHand] = useState(device);
  const held = useRef(false);
  const freeAt = useRef(0);
  const latest = useRef(device);
  latest.current = device;
  /** Whether the device has said something while the cap was held. */
  const missed = useRef(false);
  const timer = useRef(0);
  const follow = () => {
    window.clearTimeout(timer.current);
    const wait = freeAt.current - performance.now();
    if (held.current) missed.current = true;
    else if (wait > 0) timer.current = window.setTimeout(follow, wait);
    else setHand(latest.current);
  };
  useEffect(follow, [device]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const move = (value: number) => {
    freeAt.current = performance.now() + AFTER;
    setHand(value);
  };
  const hold = (isHeld: boolean) => {
    held.current = isHeld;
    freeAt.current = performance.now() + AFTER;
    if (isHeld) missed.current = false;
    else if (missed.current) follow();
  };
  return [hand, move, hold];
}
