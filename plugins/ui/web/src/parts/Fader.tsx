// A fader and an XY pad. The cap is the hand, the line is what the device says: they part while it
// has not answered, and meet again. Touching never moves the cap; it follows the finger's way.

import { useEffect, useRef, useState } from "preact/hooks";

import { figure, plain } from "../format";

const AFTER = 300; // ms after a release in which the cap does not follow the device
const FINE = 0.1; // how much finer a drag is with Shift, or with the finger drawn aside
const ASIDE = 90; // px beside the start of a drag from which it is finer
const MARKS = [0, 0.25, 0.5, 0.75, 1]; // of a vertical fader

export interface Scale {
  least: number;
  most: number;
  whole: boolean;
}

function clamp(value: number, scale: Scale): number {
  const found = Math.min(Math.max(value, scale.least), scale.most);
  return scale.whole ? Math.round(found) : found;
}

function share(value: number, { least, most }: Scale): number {
  return most > least ? Math.min(Math.max((value - least) / (most - least), 0), 1) : 0;
}

/** The position of a cap: the hand's while it is held, then the device's again. */
function useHand(device: number): [number, (value: number) => void, (isHeld: boolean) => void] {
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

interface FaderProps {
  label: string;
  device: number;
  scale: Scale;
  disabled: boolean;
  vertical?: boolean;
  /** Whether the device has said something; otherwise there is no line. */
  known?: boolean;
  onMove(value: number): void;
}

/** A drag of one pointer: others are ignored by this control, and move others. */
interface Drag {
  pointer: number;
  x: number;
  y: number;
  /** Where it began, across the way of the cap. */
  aside: number;
  value: number;
}

export function Fader({ label, device, scale, disabled, vertical = false, known = true, onMove }: FaderProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [hand, setHand, hold] = useHand(device);
  const [isHeld, setHeld] = useState(false);
  const drag = useRef<Drag | null>(null);
  const move = (value: number) => {
    const found = clamp(value, scale);
    setHand(found);
    onMove(found);
  };
  const size = scale.most - scale.least;
  const down = (event: PointerEvent) => {
    if (disabled || event.button || drag.current) return;
    ref.current?.setPointerCapture(event.pointerId);
    hold(true);
    setHeld(true);
    const { clientX: x, clientY: y, pointerId: pointer } = event;
    drag.current = { pointer, x, y, aside: vertical ? x : y, value: hand };
  };
  const drags = (event: PointerEvent) => {
    const from = drag.current;
    const box = ref.current;
    if (!box || from?.pointer !== event.pointerId) return;
    const { clientX: x, clientY: y } = event;
    const way = vertical ? (from.y - y) / (box.clientHeight || 1) : (x - from.x) / (box.clientWidth || 1);
    const isFine = event.shiftKey || Math.abs((vertical ? x : y) - from.aside) > ASIDE;
    const value = from.value + way * size * (isFine ? FINE : 1);
    drag.current = { ...from, x, y, value: Math.min(Math.max(value, scale.least), scale.most) };
    move(value);
  };
  const up = (event: PointerEvent) => {
    if (drag.current?.pointer !== event.pointerId) return;
    drag.current = null;
    hold(false);
    setHeld(false);
  };
  const key = (event: KeyboardEvent) => {
    const step = scale.whole ? 1 : (size / 100) * (event.shiftKey ? FINE : 1);
    const steps: Record<string, number> = {
      ArrowRight: step,
      ArrowUp: step,
      ArrowLeft: -step,
      ArrowDown: -step,
      PageUp: size / 10,
      PageDown: -size / 10,
      Home: -Infinity,
      End: Infinity,
    };
    const by = steps[event.key];
    if (by === undefined || disabled) return;
    event.preventDefault();
    move(hand + by);
  };
  const at = (value: number) => `${(share(value, scale) * 100).toFixed(2)}%`;
  const place = (value: number) => (vertical ? { bottom: at(value) } : { left: at(value) });
  return (
    <div
      ref={ref}
      class={`${vertical ? "vf" : "hf"} ${isHeld ? "held" : ""} ${known ? "" : "unknown"}`}
      role="slider"
      tabIndex={disabled ? -1 : 0}
      aria-label={label}
      aria-orientation={vertical ? "vertical" : undefined}
      aria-valuemin={plain(scale.least)}
      aria-valuemax={plain(scale.most)}
      aria-valuenow={plain(hand)}
      aria-valuetext={figure(hand)}
      aria-disabled={disabled}
      onPointerDown={down}
      onPointerMove={drags}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={key}
    >
      <div class="trk">
        <div class="fil" style={{ "--at": share(device, scale).toFixed(4) }} />
        {vertical && MARKS.map((each) => <Mark key={each} at={each} value={scale.least + each * size} />)}
      </div>
      {known && <div class="echo" style={place(device)} />}
      <div class="cap" style={place(hand)} />
      {!vertical && <span class="tick low">{figure(scale.least)}</span>}
      {!vertical && <span class="tick high">{figure(scale.most)}</span>}
    </div>
  );
}

function Mark({ at, value }: { at: number; value: number }) {
  return (
    <span class="g" style={{ "--at": String(at) }}>
      {tick(value)}
    </span>
  );
}

interface PadProps {
  label: string;
  device: readonly [number, number];
  scales: readonly [Scale, Scale];
  disabled: boolean;
  onMove(x: number, y: number): void;
}

export function Pad({ label, device, scales, disabled, onMove }: PadProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [x, setX, holdX] = useHand(device[0]);
  const [y, setY, holdY] = useHand(device[1]);
  const drag = useRef<{ pointer: number; x: number; y: number; vx: number; vy: number } | null>(null);
  const move = (toX: number, toY: number) => {
    const found = [clamp(toX, scales[0]), clamp(toY, scales[1])] as const;
    setX(found[0]);
    setY(found[1]);
    onMove(...found);
  };
  const hold = (isHeld: boolean) => {
    holdX(isHeld);
    holdY(isHeld);
  };
  const sizes = scales.map((each) => each.most - each.least) as [number, number];
  const drags = (event: PointerEvent) => {
    const from = drag.current;
    const box = ref.current;
    if (!box || from?.pointer !== event.pointerId) return;
    const fine = event.shiftKey ? FINE : 1;
    from.vx += ((event.clientX - from.x) / box.clientWidth) * sizes[0] * fine;
    from.vy -= ((event.clientY - from.y) / box.clientHeight) * sizes[1] * fine;
    from.x = event.clientX;
    from.y = event.clientY;
    move(from.vx, from.vy);
  };
  const up = (event: PointerEvent) => {
    if (drag.current?.pointer !== event.pointerId) return;
    drag.current = null;
    hold(false);
  };
  const key = (event: KeyboardEvent) => {
    const fine = event.shiftKey ? FINE : 1;
    const steps: Record<string, [number, number]> = {
      ArrowRight: [1, 0],
      ArrowLeft: [-1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    };
    const by = steps[event.key];
    if (!by || disabled) return;
    event.preventDefault();
    move(x + (by[0] * sizes[0] * fine) / 100, y + (by[1] * sizes[1] * fine) / 100);
  };
  const across = (value: number) => `${share(value, scales[0]) * 100}%`;
  const above = (value: number) => `${share(value, scales[1]) * 100}%`;
  return (
    <div
      ref={ref}
      class="xy"
      role="slider"
      tabIndex={disabled ? -1 : 0}
      aria-label={label}
      aria-valuemin={plain(scales[0].least)}
      aria-valuemax={plain(scales[0].most)}
      aria-valuenow={plain(x)}
      aria-valuetext={`${figure(x)} across, ${figure(y)} up`}
      aria-disabled={disabled}
      onPointerDown={(event) => {
        if (disabled || event.button || drag.current) return;
        ref.current?.setPointerCapture(event.pointerId);
        hold(true);
        drag.current = { pointer: event.pointerId, x: event.clientX, y: event.clientY, vx: x, vy: y };
      }}
      onPointerMove={drags}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={key}
    >
      <span class="lx" style={{ left: across(device[0]) }} />
      <span class="ly" style={{ bottom: above(device[1]) }} />
      <i style={{ left: across(x), bottom: above(y) }} />
    </div>
  );
}

/** A figure beside the track: 0.75, not 0.750. */
function tick(value: number): string {
  return figure(Number(value.toPrecision(3)), 1).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}
