// The form of one control.

import { cut } from "../format";
import { Icon } from "../icons";
import type { SurfacePage, Widget, WidgetChange } from "../protocol";
import { ButtonFields, switchValues } from "./ButtonFields";
import { LabelledField, NumberField, scalar, Stepper, type WidgetFieldProps } from "./fields";
import { changedPlace, moved } from "./placing";
import { change } from "./surface_store";
import { TargetField } from "./TargetField";

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
  return (
    <section class="in" aria-label="Control">
      <header class="form-head">
        <h2 class="clip">{widget.label || widget.address || "Text"}</h2>
        <button class="btn ghost" aria-label="Close the form" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {widget.address && <p class="mono faint wrap">{widget.address}</p>}
      <LabelledField name="Label">
        <input class="in1" maxLength={64} value={widget.label} onChange={(event) => set({ label: event.currentTarget.value })} />
      </LabelledField>
      <KindField widget={widget} set={set} />
      <ColourField widget={widget} set={set} />
      {hasRange && (
        <div class="pair">
          <NumberField name="Lowest" value={widget.least} onChange={(least) => set({ least })} />
          <NumberField name="Highest" value={widget.most} onChange={(most) => set({ most })} />
        </div>
      )}
      {(hasRange || kind === "text") && (
        <LabelledField name="Unit">
          <input class="in1" maxLength={16} value={widget.unit} onChange={(event) => set({ unit: event.currentTarget.value })} />
        </LabelledField>
      )}
      {kind === "button" && <ButtonFields widget={widget} set={set} />}
      {kind === "menu" && <ChoicesField widget={widget} set={set} />}
      {kind !== "meter" && kind !== "label" && <TargetField widget={widget} set={set} />}
      <SizeFields widget={widget} columns={page.columns} set={set} />
      <button class="btn" onClick={onRemove}>
        <Icon name="trash" />
        Remove
      </button>
      <p class="faint desk">Arrow keys move the control, with Shift they change its size, Delete removes it.</p>
    </section>
  );
}

function KindField({ widget, set }: WidgetFieldProps) {
  return (
    <LabelledField name="Control">
      <select class="in1" value={widget.kind} onChange={(event) => set(kindChange(widget, event.currentTarget.value as Widget["kind"]))}>
        {KINDS.filter(([each]) => each === "label" || widget.address).map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </LabelledField>
  );
}

function kindChange(widget: Widget, kind: Widget["kind"]): WidgetChange {
  return { kind, ...(kind === "button" && switchValues(widget)) };
}

function ColourField({ widget, set }: WidgetFieldProps) {
  return (
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
  );
}

function ChoicesField({ widget, set }: WidgetFieldProps) {
  return (
    <LabelledField name="Choices">
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
    </LabelledField>
  );
}

/** The cells that it covers. */
function SizeFields({ widget, columns, set }: WidgetFieldProps & { columns: number }) {
  const { x, y, w, h } = widget;
  const grow = (by: { w?: number; h?: number }) => set(changedPlace(widget, moved({ x, y, w, h }, columns, by)));
  return (
    <div class="pair">
      <Stepper name="Width" value={w} onStep={(by) => grow({ w: by })} />
      <Stepper name="Height" value={h} onStep={(by) => grow({ h: by })} />
    </div>
  );
}
