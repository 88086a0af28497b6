// Where a control sends to.

import type { Widget } from "../protocol";
import { targetsOf, type Target } from "../sending";
import { order, parts, partsVersion } from "../store";
import { values } from "../values_store";
import { LabelledField, type WidgetFieldProps } from "./fields";

/** The targets: where its value comes from and goes, and then all others. */
export function TargetField({ widget, set }: WidgetFieldProps) {
  void partsVersion.value;
  const found = offeredTargets(widget);
  const at = found.findIndex((each) => each.name === widget.target && each.received === widget.received);
  return (
    <LabelledField name="Sends">
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
    </LabelledField>
  );
}

function offeredTargets(widget: Widget): readonly Target[] {
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
  return found;
}

function add(found: Target[], target: Target): void {
  if (!found.some((each) => each.name === target.name && each.received === target.received)) found.push(target);
}
