// The side of a page that is arranged: controls to add, the chosen control, and the page itself.

import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { Icon } from "../icons";
import type { SurfacePage, Widget } from "../protocol";
import { AddControls } from "./AddControls";
import { ControlForm } from "./ControlForm";
import { PageForm } from "./PageForm";
import { editError, tryEdit } from "./surface_store";
import { SurfaceFiles } from "./SurfaceFiles";

const UNDO = 20_000; // ms for which what was removed can be put back

interface Props {
  page: SurfacePage;
  chosen: Signal<string>;
}

export function Arranger({ page, chosen }: Props) {
  const widget = page.widgets.find((each) => each.id === chosen.value);
  const { removed, remove, undo } = useRemoval(page);
  return (
    <aside class="arranger panel" aria-label="Arrange">
      {editError.value && (
        <p class="say b" role="alert">
          {editError.value}
        </p>
      )}
      {removed && !page.locked && <RemovedNote widget={removed} onUndo={undo} />}
      {page.locked ? (
        <Locked page={page} />
      ) : widget ? (
        <ControlForm
          key={widget.id}
          page={page}
          widget={widget}
          onClose={() => (chosen.value = "")}
          onRemove={() => {
            remove(widget);
            chosen.value = "";
          }}
        />
      ) : (
        <>
          <AddControls page={page} />
          <PageForm page={page} />
        </>
      )}
    </aside>
  );
}

/** Removes controls of a page; the last one can be put back for a while. */
function useRemoval(page: SurfacePage) {
  const [removed, setRemoved] = useState<Widget | null>(null);
  useEffect(() => {
    if (!removed) return;
    const timer = window.setTimeout(() => setRemoved(null), UNDO);
    return () => window.clearTimeout(timer);
  }, [removed]);
  const remove = (widget: Widget) => {
    setRemoved(widget);
    tryEdit({ op: "remove_widget", page: page.id, widget: widget.id });
  };
  const undo = () => {
    if (removed) tryEdit({ op: "add_widget", page: page.id, widget: removed });
    setRemoved(null);
  };
  return { removed, remove, undo };
}

function RemovedNote({ widget, onUndo }: { widget: Widget; onUndo(): void }) {
  return (
    <div class="undo" role="status">
      <span class="grow clip">Removed {widget.label || widget.address || "the text"}</span>
      <button class="btn" onClick={onUndo}>
        Undo
      </button>
    </div>
  );
}

function Locked({ page }: { page: SurfacePage }) {
  return (
    <section class="in">
      <h2>{page.name} is locked</h2>
      <p class="dim">No browser can edit it by accident. Its controls work.</p>
      <button class="btn go" onClick={() => tryEdit({ op: "change_page", page: page.id, changes: { locked: false } })}>
        <Icon name="unlock" />
        Unlock
      </button>
      <SurfaceFiles />
    </section>
  );
}
