// A fader and an XY pad. The cap is the hand, the line is what the device says: they part while it
// has not answered, and meet again. Touching never moves the cap; it follows the finger's way.

import { useEffect, useRef, useState } from "preact/hooks";

import { figure } from "../format";

const AFTER = 300; // ms after a release in which the cap does not follow the device
const FINE = 0.1; // how much finer a drag is with Shift

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
  useEffect(() => {
    if (held.current) return;
    const wait = freeAt.current - performance.now();
    if (wait <= 0) {
      setHand(device);
      return;
    }
    const timer = window.setTimeout(() => setHand(device), wait);
    return () => window.clearTimeout(timer);
  }, [device]);
  const move = (value: number) => {
    freeAt.current = performance.now() + AFTER;
    setHand(value);
  };
  const hold = (isHeld: boolean) => {
    held.current = isHeld;
    freeAt.current = performance.now() + AFTER;
  };
  return [hand, move, hold];
}

interface FaderProps {
  label: string;
  device: number;
  scale: Scale;
  disabled: boolean;
  onMove(value: number): void;
}

export function Fader({ label, device, scale, disabled, onMove }: FaderProps) {
  const ref = useRef<HTMLDivElement>(null);
  const [hand, setHand, hold] = useHand(device);
  const drag = useRef<{ x: number; value: number } | null>(null);
  const move = (value: number) => {
    const found = clamp(value, scale);
    setHand(found);
    onMove(found);
  };
  const size = scale.most - scale.least;
  const down = (event: PointerEvent) => {
    if (disabled || event.button) return;
    ref.current?.setPointerCapture(event.pointerId);
    hold(true);
    drag.current = { x: event.clientX, value: hand };
  };
  const drags = (event: PointerEvent) => {
    const from = drag.current;
    const width = ref.current?.clientWidth ?? 1;
    if (!from) return;
    const value = from.value + ((event.clientX - from.x) / width) * size * (event.shiftKey ? FINE : 1);
    drag.current = { x: event.clientX, value: Math.min(Math.max(value, scale.least), scale.most) };
    move(value);
  };
  const up = () => {
    drag.current = null;
    hold(false);
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
  return (
    <div
      ref={ref}
      class="hf"
      role="slider"
      tabIndex={disabled ? -1 : 0}
      aria-label={label}
      aria-valuemin={scale.least}
      aria-valuemax={scale.most}
      aria-valuenow={hand}
      aria-valuetext={figure(hand)}
      aria-disabled={disabled}
      onPointerDown={down}
      onPointerMove={drags}
      onPointerUp={up}
      onPointerCancel={up}
      onKeyDown={key}
    >
      <div class="trk">
        <div class="fil" style={{ width: at(device) }} />
      </div>
      <div class="echo" style={{ left: at(device) }} />
      <div class="cap" style={{ left: at(hand) }} />
      <span class="tick low">{figure(scale.least)}</span>
      <span class="tick high">{figure(scale.most)}</span>
    </div>
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
  const drag = useRef<{ x: number; y: number; vx: number; vy: number } | null>(null);
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
    if (!from || !box) return;
    const fine = event.shiftKey ? FINE : 1;
    from.vx += ((event.clientX - from.x) / box.clientWidth) * sizes[0] * fine;
    from.vy -= ((event.clientY - from.y) / box.clientHeight) * sizes[1] * fine;
    from.x = event.clientX;
    from.y = event.clientY;
    move(from.vx, from.vy);
  };
  const up = () => {
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
      aria-valuemin={scales[0].least}
      aria-valuemax={scales[0].most}
      aria-valuenow={x}
      aria-valuetext={`${figure(x)} across, ${figure(y)} up`}
      aria-disabled={disabled}
      onPointerDown={(event) => {
        if (disabled || event.button) return;
        ref.current?.setPointerCapture(event.pointerId);
        hold(true);
        drag.current = { x: event.clientX, y: event.clientY, vx: x, vy: y };
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
