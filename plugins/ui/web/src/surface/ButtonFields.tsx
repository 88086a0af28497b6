// The fields of a button: what a press of it sends.

import type { Widget, WidgetChange } from "../protocol";
import { LabelledField, ScalarField, type WidgetFieldProps } from "./fields";
import type { Scalar } from "./pinning";

const MODES: readonly (readonly [Widget["mode"], string])[] = [
  ["toggle", "Switch on and off"],
  ["momentary", "On while pressed"],
  ["trigger", "One message"],
];

export function ButtonFields({ widget, set }: WidgetFieldProps) {
  return (
    <>
      <LabelledField name="Does">
        <select class="in1" value={widget.mode} onChange={(event) => set(modeChange(widget, event.currentTarget.value as Widget["mode"]))}>
          {MODES.map(([mode, name]) => (
            <option key={mode} value={mode}>
              {name}
            </option>
          ))}
        </select>
      </LabelledField>
      {widget.mode === "trigger" ? (
        <ScalarField name="Sends" value={widget.args[0]} onChange={(value) => set(triggerChange(widget, value))} />
      ) : (
        <div class="pair">
          <ScalarField name="On is" value={widget.on} onChange={(value) => value !== undefined && set({ on: value })} />
          <ScalarField name="Off is" value={widget.off} onChange={(value) => value !== undefined && set({ off: value })} />
        </div>
      )}
      <label class="check">
        <input type="checkbox" checked={widget.confirm} onChange={(event) => set({ confirm: event.currentTarget.checked })} />
        Ask: press twice
      </label>
    </>
  );
}

/** The values of a button are numbers where its value is one. */
export function switchValues(widget: Widget): WidgetChange {
  const isUntouched = widget.on === true && widget.off === false;
  return /^[ihfd]$/.test(widget.types) && isUntouched ? { on: widget.most, off: widget.least } : {};
}

function modeChange(widget: Widget, mode: Widget["mode"]): WidgetChange {
  return { mode, ...switchValues(widget) };
}

function triggerChange(widget: Widget, value: Scalar | undefined): WidgetChange {
  if (value === undefined) return { args: [], types: "" };
  if (typeof value === "number") {
    const known = /^[ihfd]$/.test(widget.types) ? widget.types : "";
    return { args: [value], types: known || (Number.isInteger(value) ? "i" : "f") };
  }
  return { args: [value], types: typeof value === "boolean" ? (value ? "T" : "F") : "s" };
}
