// An XY pad: two values that move together, as on a fader.

import { useRef } from "preact/hooks";

import { figure, plain } from "../format";
import { clamp, FINE, share, useHand, type Scale } from "./hand";

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

interface PadProps {
  label: string;
  device: readonly [number, number];
  scales: readonly [Scale, Scale];
  disabled: boolean;
  onMove(x: number, y: number): void;
}

export function Pad({ label, device, scales, disabled, onMove }: PadProps) {
  const [x, setX, holdX] = useHand(device[0]);
  const [y, setY, holdY] = useHand(device[1]);
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
  const sizes = [scales[0].most - scales[0].least, scales[1].most - scales[1].least] as const;
  const { ref, handlers } = usePadDrag({ hand: [x, y], sizes, disabled, move, hold });
  const key = (event: KeyboardEvent) => {
    const fine = event.shiftKey ? FINE : 1;
    const by = STEPS[event.key];
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
      onKeyDown={key}
      {...handlers}
    >
      <span class="lx" style={{ left: across(device[0]) }} />
      <span class="ly" style={{ bottom: above(device[1]) }} />
      <i style={{ left: across(x), bottom: above(y) }} />
    </div>
  );
}

/** A drag of one pointer: where it is, and the values that it has reached. */
interface PadDrag {
  pointer: number;
  x: number;
  y: number;
  vx: number;
  vy: number;
}

interface PadDragOptions {
  /** The values of the cap. */
  hand: readonly [number, number];
  sizes: readonly [number, number];
  disabled: boolean;
  move(x: number, y: number): void;
  hold(isHeld: boolean): void;
}

/** Moves the cap with a pointer that is pressed on the element of `ref`. */
function usePadDrag({ hand, sizes, disabled, move, hold }: PadDragOptions) {
  const ref = useRef<HTMLDivElement>(null);
  const drag = useRef<PadDrag | null>(null);
  const down = (event: PointerEvent) => {
    if (disabled || event.button || drag.current) return;
    ref.current?.setPointerCapture(event.pointerId);
    hold(true);
    const [vx, vy] = hand;
    drag.current = { pointer: event.pointerId, x: event.clientX, y: event.clientY, vx, vy };
  };
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
  const handlers = { onPointerDown: down, onPointerMove: drags, onPointerUp: up, onPointerCancel: up };
  return { ref, handlers };
}
