// The control of a number: a fader, and the number to type.

import { useEffect, useRef, useState } from "preact/hooks";

import { scaleOf } from "../control_kind";
import { figure } from "../format";
import type { Value } from "../values_store";
import { Fader } from "./Fader";
import type { Scale } from "./hand";

interface NumberProps {
  value: Value;
  label: string;
  disabled: boolean;
  send(number: number): void;
}

export function NumberControl({ value, label, disabled, send }: NumberProps) {
  const device = Number(value.row.args[0]);
  const scale = useGrowingScale(value, device);
  const step = scale.whole ? 1 : (scale.most - scale.least) / 100;
  const set = (number: number) => send(scale.whole ? Math.round(number) : number);
  return (
    <div class="line keep">
      <Fader label={label} device={device} scale={scale} disabled={disabled} onMove={send} />
      <div class="line steps-of">
        <button class="btn step" disabled={disabled} aria-label={`Lower ${value.row.address}`} onClick={() => set(device - step)}>
          −
        </button>
        <NumberInput label={`${label}, as a number`} device={device} disabled={disabled} onEnter={set} />
        <button class="btn step" disabled={disabled} aria-label={`Raise ${value.row.address}`} onClick={() => set(device + step)}>
          +
        </button>
      </div>
    </div>
  );
}

/** The range of a value, which only grows: a cap must not move because the scale does. */
function useGrowingScale(value: Value, device: number): Scale {
  const [scale, setScale] = useState(() => scaleOf(value.row, 0, value.series.values()));
  useEffect(() => {
    if (device > scale.most || device < scale.least) setScale(scaleOf(value.row, 0, value.series.values()));
  }, [device]);
  return scale;
}

interface NumberInputProps {
  label: string;
  device: number;
  disabled: boolean;
  onEnter(number: number): void;
}

function NumberInput({ label, device, disabled, onEnter }: NumberInputProps) {
  // What is in the field while it has the focus: nothing changes it there but the keyboard.
  const [typed, setTyped] = useState<string | null>(null);
  const isTyped = useRef(false);
  const enter = () => {
    const number = Number(typed?.replace("\u2212", "-").replace(",", "."));
    if (isTyped.current && typed && Number.isFinite(number)) onEnter(number);
    isTyped.current = false;
  };
  return (
    <input
      class="type"
      inputMode="decimal"
      aria-label={label}
      value={typed ?? figure(device)}
      disabled={disabled}
      onFocus={(event) => {
        setTyped(event.currentTarget.value);
        event.currentTarget.select();
      }}
      onInput={(event) => {
        isTyped.current = true;
        setTyped(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") {
          enter();
          event.currentTarget.blur();
        } else if (event.key === "Escape") {
          event.stopPropagation();
          event.currentTarget.blur();
        }
      }}
      onBlur={() => {
        isTyped.current = false;
        setTyped(null);
      }}
    />
  );
}
