// The fields that forms of the surface are made of.

import type { ComponentChildren } from "preact";

import type { Widget, WidgetChange } from "../protocol";
import type { Scalar } from "./pinning";

/** What a field of a control's form needs: the control, and how to change it. */
export interface WidgetFieldProps {
  widget: Widget;
  set(changes: WidgetChange): void;
}

export function LabelledField({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <label class="fld">
      <span>{name}</span>
      {children}
    </label>
  );
}

export function NumberField({ name, value, onChange }: { name: string; value: number; onChange(value: number): void }) {
  return (
    <LabelledField name={name}>
      <input
        class="in1"
        inputMode="decimal"
        value={value}
        onChange={(event) => {
          const text = event.currentTarget.value.replace("\u2212", "-").replace(",", ".");
          const number = Number(text);
          if (text.trim() && Number.isFinite(number)) onChange(number);
          else event.currentTarget.value = String(value);
        }}
      />
    </LabelledField>
  );
}

/** A value as text: true, 1, 0.5, go; nothing is no value. */
export function ScalarField({ name, value, onChange }: { name: string; value: Scalar | undefined; onChange(value: Scalar | undefined): void }) {
  return (
    <LabelledField name={name}>
      <input
        class="in1"
        maxLength={256}
        value={value === undefined ? "" : String(value)}
        onChange={(event) => onChange(scalar(event.currentTarget.value))}
      />
    </LabelledField>
  );
}

/** The value that a text means; undefined if it is empty. */
export function scalar(text: string): Scalar | undefined {
  const found = text.trim();
  if (!found) return undefined;
  if (found === "true" || found === "false") return found === "true";
  const number = Number(found.replace("\u2212", "-"));
  return Number.isFinite(number) ? number : found;
}

export function Stepper({ name, value, onStep }: { name: string; value: number; onStep(by: number): void }) {
  return (
    <div class="fld" role="group" aria-label={name}>
      <span>{name}</span>
      <div class="stepper">
        <button class="btn step" aria-label={`${name}: less`} onClick={() => onStep(-1)}>
          −
        </button>
        <b>{value}</b>
        <button class="btn step" aria-label={`${name}: more`} onClick={() => onStep(1)}>
          +
        </button>
      </div>
    </div>
  );
}
