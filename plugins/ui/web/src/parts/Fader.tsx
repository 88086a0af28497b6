// A fader. The cap is the hand, the line is what the device says: they part while it has not
// answered, and meet again. Touching never moves the cap; it follows the finger's way.

import { useRef, useState } from "preact/hooks";

import { figure, plain } from "../format";
import { clamp, FINE, share, useHand, type Scale } from "./hand";

const ASIDE = 90; // px beside the start of a drag from which it is finer
const MARKS = [0, 0.25, 0.5, 0.75, 1]; // of a vertical fader

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

export function Fader({ label, device, scale, disabled, vertical = false, known = true, onMove }: FaderProps) {
  const [hand, setHand, hold] = useHand(device);
  const move = (value: number) => {
    const found = clamp(value, scale);
    setHand(found);
    onMove(found);
  };
  const { ref, isHeld, handlers } = useFaderDrag({ hand, scale, disabled, vertical, move, hold });
  const key = (event: KeyboardEvent) => {
    const by = keyStep(event, scale);
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
      onKeyDown={key}
      {...handlers}
    >
      <div class="trk">
        <div class="fil" style={{ "--at": share(device, scale).toFixed(4) }} />
        {vertical && MARKS.map((each) => <Mark key={each} at={each} value={scale.least + each * (scale.most - scale.least)} />)}
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

/** A figure beside the track: 0.75, not 0.750. */
function tick(value: number): string {
  return figure(Number(value.toPrecision(3)), 1).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** How far a key moves the cap; undefined for other keys. */
function keyStep(event: KeyboardEvent, scale: Scale): number | undefined {
  const size = scale.most - scale.least;
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
  return steps[event.key];
}

/** A drag of one pointer: others are ignored by this control, and move others. */
interface FaderDrag {
  pointer: number;
  x: number;
  y: number;
  /** Where it began, across the way of the cap. */
  aside: number;
  value: number;
}

interface FaderDragOptions {
  /** The value of the cap. */
  hand: number;
  scale: Scale;
  disabled: boolean;
  vertical: boolean;
  move(value: number): void;
  hold(isHeld: boolean): void;
}

/** Moves the cap with a pointer that is pressed on the element of `ref`. */
function useFaderDrag({ hand, scale, disabled, vertical, move, hold }: FaderDragOptions) {
  const ref = useRef<HTMLDivElement>(null);
  const [isHeld, setHeld] = useState(false);
  const drag = useRef<FaderDrag | null>(null);
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
    const value = from.value + way * (scale.most - scale.least) * (isFine ? FINE : 1);
    drag.current = { ...from, x, y, value: Math.min(Math.max(value, scale.least), scale.most) };
    move(value);
  };
  const up = (event: PointerEvent) => {
    if (drag.current?.pointer !== event.pointerId) return;
    drag.current = null;
    hold(false);
    setHeld(false);
  };
  const handlers = { onPointerDown: down, onPointerMove: drags, onPointerUp: up, onPointerCancel: up };
  return { ref, isHeld, handlers };
}
