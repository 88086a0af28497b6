// The grid of a page, with its controls.

import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";

import type { SurfacePage, Widget } from "../protocol";
import { ArrangedWidget } from "./ArrangedWidget";
import { gridArea, rowsOf } from "./placing";
import { WidgetView } from "./WidgetView";

const LEAST_ROWS = 8;

interface Props {
  page: SurfacePage;
  query: string;
  isArranged: boolean;
  chosen: Signal<string>;
}

export function Stage({ page, query, isArranged, chosen }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (each: Widget) => words.every((word) => `${each.label} ${each.address}`.toLowerCase().includes(word));
  const rows = rowsOf(page.widgets, LEAST_ROWS) + (isArranged ? 2 : 0);
  return (
    <div class="stage-box">
      <div
        ref={ref}
        class="stage"
        style={{ "--columns": String(page.columns), "--rows": String(rows) }}
        onPointerDown={(event) => event.target === ref.current && (chosen.value = "")}
      >
        {(isArranged ? page.widgets : inOrder(page.widgets)).map((each) =>
          isArranged ? (
            <ArrangedWidget key={each.id} page={page} widget={each} rows={rows} stage={ref} chosen={chosen} />
          ) : (
            <div
              key={each.id}
              class={`wg k-${each.kind} ${words.length && fits(each) ? "found" : words.length ? "other" : ""}`}
              role="group"
              aria-label={each.label || each.address || "Text"}
              style={gridArea(each, each.colour)}
            >
              <WidgetView widget={each} isArranged={false} />
            </div>
          ),
        )}
        {!page.widgets.length && <p class="none stage-none">{isArranged ? "Add controls at the side, or pin values in the view Values." : "This page is empty."}</p>}
      </div>
    </div>
  );
}

/** Row by row, as the keyboard goes through them. */
function inOrder(widgets: readonly Widget[]): Widget[] {
  return [...widgets].sort((a, b) => a.y - b.y || a.x - b.x);
}
