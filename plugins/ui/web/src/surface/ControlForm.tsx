// The form of one control.

import type { ComponentChildren } from "preact";

import { cut } from "../format";
import { Icon } from "../icons";
import type { SurfacePage, Widget, WidgetChange } from "../protocol";
import { targetsOf, type Target } from "../sending";
import { order, parts, partsVersion } from "../store";
import { values } from "../values_store";
import { changedPlace, moved } from "./placing";
import { change } from "./surface_store";

const KINDS: readonly (readonly [Widget["kind"], string])[] = [
  ["fader", "Fader"],
  ["button", "Button"],
  ["xy", "XY pad"],
  ["menu", "Menu"],
  ["colour", "Colour"],
  ["meter", "Meter"],
  ["text", "Text of the device"],
  ["label", "Fixed text"],
];

const MODES: readonly (readonly [Widget["mode"], string])[] = [
  ["toggle", "Switch on and off"],
  ["momentary", "On while pressed"],
  ["trigger", "One message"],
];

/** Colours that differ in brightness, too. */
const COLOURS = [
  ["", "None"],
  ["#2b8ed6", "Blue"],
  ["#30a46c", "Green"],
  ["#e0a458", "Sand"],
  ["#e5484d", "Red"],
  ["#b0508f", "Plum"],
  ["#8e7bff", "Violet"],
  ["#c8d0d6", "Silver"],
] as const;

interface Props {
  page: SurfacePage;
  widget: Widget;
  onClose(): void;
  onRemove(): void;
}

export function ControlForm({ page, widget, onClose, onRemove }: Props) {
  const set = (changes: WidgetChange) => change(page, widget, changes);
  const { kind } = widget;
  const hasRange = kind === "fader" || kind === "xy" || kind === "meter";
  const { x, y, w, h } = widget;
  const grow = (by: { w?: number; h?: number }) => set(changedPlace(widget, moved({ x, y, w, h }, page.columns, by)));
  return (
    <section class="in" aria-label="Control">
      <header class="form-head">
        <h2 class="clip">{widget.label || widget.address || "Text"}</h2>
        <button class="btn ghost" aria-label="Close the form" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {widget.address && <p class="mono faint wrap">{widget.address}</p>}
      <Field name="Label">
        <input class="in1" maxLength={64} value={widget.label} onChange={(event) => set({ label: event.currentTarget.value })} />
      </Field>
      <Field name="Control">
        <select class="in1" value={kind} onChange={(event) => set(kindChange(widget, event.currentTarget.value as Widget["kind"]))}>
          {KINDS.filter(([each]) => each === "label" || widget.address).map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      <fieldset class="fld">
        <legend>Colour</legend>
        <div class="swatches">
          {COLOURS.map(([colour, name]) => (
            <button
              key={colour}
              class={colour ? "" : "no"}
              aria-label={name}
              aria-pressed={widget.colour === colour}
              style={colour ? { background: colour } : {}}
              onClick={() => set({ colour })}
            />
          ))}
        </div>
      </fieldset>
      {hasRange && (
        <div class="pair">
          <NumberField name="Lowest" value={widget.least} onChange={(least) => set({ least })} />
          <NumberField name="Highest" value={widget.most} onChange={(most) => set({ most })} />
        </div>
      )}
      {(hasRange || kind === "text") && (
        <Field name="Unit">
          <input class="in1" maxLength={16} value={widget.unit} onChange={(event) => set({ unit: event.currentTarget.value })} />
        </Field>
      )}
      {kind === "button" && <ButtonFields widget={widget} set={set} />}
      {kind === "menu" && <ChoicesField widget={widget} set={set} />}
      {kind !== "meter" && kind !== "label" && <TargetField widget={widget} set={set} />}
      <div class="pair">
        <Stepper name="Width" value={w} onStep={(by) => grow({ w: by })} />
        <Stepper name="Height" value={h} onStep={(by) => grow({ h: by })} />
      </div>
      <button class="btn" onClick={onRemove}>
        <Icon name="trash" />
        Remove
      </button>
      <p class="faint desk">Arrow keys move the control, with Shift they change its size, Delete removes it.</p>
    </section>
  );
}

function Field({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <label class="fld">
      <span>{name}</span>
      {children}
    </label>
  );
}

function NumberField({ name, value, onChange }: { name: string; value: number; onChange(value: number): void }) {
  return (
    <Field name={name}>
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
    </Field>
  );
}

interface PartProps {
  widget: Widget;
  set(changes: WidgetChange): void;
}

function ButtonFields({ widget, set }: PartProps) {
  return (
    <>
      <Field name="Does">
        <select class="in1" value={widget.mode} onChange={(event) => set(modeChange(widget, event.currentTarget.value as Widget["mode"]))}>
          {MODES.map(([mode, name]) => (
            <option key={mode} value={mode}>
              {name}
            </option>
          ))}
        </select>
      </Field>
      {widget.mode === "trigger" ? (
        <ValueField name="Sends" value={widget.args[0]} onChange={(value) => set(triggerChange(widget, value))} />
      ) : (
        <div class="pair">
          <ValueField name="On is" value={widget.on} onChange={(value) => value !== undefined && set({ on: value })} />
          <ValueField name="Off is" value={widget.off} onChange={(value) => value !== undefined && set({ off: value })} />
        </div>
      )}
      <label class="check">
        <input type="checkbox" checked={widget.confirm} onChange={(event) => set({ confirm: event.currentTarget.checked })} />
        Ask: press twice
      </label>
    </>
  );
}

type Scalar = Widget["args"][number];

/** The values of a button are numbers where its value is one. */
function switchValues(widget: Widget): WidgetChange {
  const isUntouched = widget.on === true && widget.off === false;
  return /^[ihfd]$/.test(widget.types) && isUntouched ? { on: widget.most, off: widget.least } : {};
}

function kindChange(widget: Widget, kind: Widget["kind"]): WidgetChange {
  return { kind, ...(kind === "button" && switchValues(widget)) };
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

/** A value as text: true, 1, 0.5, go; nothing is no value. */
function ValueField({ name, value, onChange }: { name: string; value: Scalar | undefined; onChange(value: Scalar | undefined): void }) {
  return (
    <Field name={name}>
      <input
        class="in1"
        maxLength={256}
        value={value === undefined ? "" : String(value)}
        onChange={(event) => onChange(scalar(event.currentTarget.value))}
      />
    </Field>
  );
}

function scalar(text: string): Scalar | undefined {
  const found = text.trim();
  if (!found) return undefined;
  if (found === "true" || found === "false") return found === "true";
  const number = Number(found.replace("\u2212", "-"));
  return Number.isFinite(number) ? number : found;
}

function ChoicesField({ widget, set }: PartProps) {
  return (
    <Field name="Choices">
      <textarea
        class="in1 area"
        rows={4}
        placeholder="One per line"
        value={widget.choices.map(String).join("\n")}
        onChange={(event) =>
          set({
            choices: event.currentTarget.value
              .split("\n")
              .flatMap((line) => scalar(cut(line, 256)) ?? [])
              .slice(0, 64),
          })
        }
      />
    </Field>
  );
}

/** Where it sends to: where its value comes from and goes, and then all others. */
function TargetField({ widget, set }: PartProps) {
  void partsVersion.value;
  const row = values.get(widget.address)?.row;
  const found: Target[] = row ? targetsOf(row) : [];
  for (const id of order.value) {
    const state = parts.get(id)?.state;
    if (!state || state.kind === "route") continue;
    if (state.kind === "bridge") add(found, { name: state.name, received: true, label: `as if from ${state.name}` });
    else if (state.is_sink) add(found, { name: state.name, received: false, label: `to ${state.name}` });
  }
  if (widget.target) {
    const { target: name, received } = widget;
    add(found, { name, received, label: `${received ? "as if from" : "to"} ${name}` });
  }
  const at = found.findIndex((each) => each.name === widget.target && each.received === widget.received);
  return (
    <Field name="Sends">
      <select
        class="in1"
        value={at}
        onChange={(event) => {
          const target = found[Number(event.currentTarget.value)];
          set({ target: target?.name ?? "", received: target?.received ?? false });
        }}
      >
        <option value={-1}>nothing</option>
        {found.map((each, i) => (
          <option key={each.label} value={i}>
            {each.label}
          </option>
        ))}
      </select>
    </Field>
  );
}

function add(found: Target[], target: Target): void {
  if (!found.some((each) => each.name === target.name && each.received === target.received)) found.push(target);
}

function Stepper({ name, value, onStep }: { name: string; value: number; onStep(by: number): void }) {
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
