// A button of the surface: a switch, a key that is held, or a trigger.

import { useEffect, useRef, useState } from "preact/hooks";

import { useSecondPress } from "../parts/second_press";
import type { Widget } from "../protocol";
import type { Sender } from "../sending";
import { isOn, pressed, type Scalar } from "./pinning";

interface Props {
  widget: Widget;
  /** What the device says. */
  value: Scalar | undefined;
  sender: Sender;
  types: { now: string };
  disabled: boolean;
}

export function PadButton({ widget, value, sender, types, disabled }: Props) {
  const fire = (next: boolean) => {
    const found = pressed(widget, next);
    types.now = found.types;
    // While a button is held, the bridge releases it if this page is gone.
    const isHeld = next && widget.mode === "momentary";
    const { types: tags, args } = pressed(widget, false);
    sender.sendEach(found.args, isHeld ? { types: tags, args } : null);
  };
  const { isDown, isArmed, on, press, release } = usePress({ widget, value, disabled, fire });
  return (
    <button
      class={`w-pad ${widget.mode} ${isDown ? "down" : ""} ${isArmed ? "armed" : ""}`}
      disabled={disabled}
      aria-pressed={widget.mode === "trigger" ? undefined : on}
      onPointerDown={(event) => {
        if (event.button) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        press();
      }}
      onPointerUp={release}
      onPointerCancel={release}
      onKeyDown={(event) => {
        if (!isPressKey(event) || event.repeat) return;
        event.preventDefault();
        press();
      }}
      onKeyUp={(event) => isPressKey(event) && release()}
      onBlur={release}
      onContextMenu={(event) => event.preventDefault()}
    >
      {isArmed ? "Press again" : widget.label || widget.address}
    </button>
  );
}

function isPressKey(event: KeyboardEvent): boolean {
  return event.key === "Enter" || event.key === " ";
}

interface PressOptions extends Pick<Props, "widget" | "value" | "disabled"> {
  fire(next: boolean): void;
}

/** The presses of a button, by pointer and by key: the second one counts if it has to be confirmed. */
function usePress({ widget, value, disabled, fire }: PressOptions) {
  const [isDown, setDown] = useState(false);
  const [isArmed, setArmed] = useSecondPress();
  const down = useRef(false);
  const on = widget.mode === "toggle" ? isOn(widget, value) : isDown;
  const release = () => {
    if (!down.current) return;
    down.current = false;
    setDown(false);
    if (widget.mode === "momentary") fire(false);
  };
  const letGo = useRef(release);
  letGo.current = release;
  useEffect(() => () => letGo.current(), []); // a page that is left holds nothing
  useEffect(() => {
    if (disabled) letGo.current(); // a button that is off gets no more events
  }, [disabled]);
  const press = () => {
    if (disabled || down.current) return;
    if (widget.confirm && !isArmed) {
      setArmed(true);
      return;
    }
    setArmed(false);
    down.current = true;
    setDown(true);
    if (widget.mode === "momentary") fire(true);
    else if (widget.mode === "trigger") fire(true);
    else fire(!on);
  };
  return { isDown, isArmed, on, press, release };
}
