// The side of a page that is arranged: controls to add, the chosen control, and the page itself.

import type { Signal } from "@preact/signals";

import { Icon } from "../icons";
import type { SurfacePage } from "../protocol";
import { AddControls } from "./AddControls";
import { ControlForm } from "./ControlForm";
import { PageForm } from "./PageForm";
import { putBack, removed, removeWidget } from "./removal";
import { editError, tryEdit } from "./surface_store";
import { SurfaceFiles } from "./SurfaceFiles";

interface Props {
  page: SurfacePage;
  chosen: Signal<string>;
}

export function Arranger({ page, chosen }: Props) {
  const widget = page.widgets.find((each) => each.id === chosen.value);
  return (
    <aside class="arranger panel" aria-label="Arrange">
      {editError.value && (
        <p class="say b" role="alert">
          {editError.value}
        </p>
      )}
      <RemovedNote shown={page} />
      {page.locked ? (
        <Locked page={page} />
      ) : widget ? (
        <ControlForm
          key={widget.id}
          page={page}
          widget={widget}
          onClose={() => (chosen.value = "")}
          onRemove={() => {
            removeWidget(page, widget);
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

/** The control that was removed last, and from which page if that is another one. */
function RemovedNote({ shown }: { shown: SurfacePage }) {
  if (!removed.value) return null;
  const { widget, page } = removed.value;
  return (
    <div class="undo" role="status">
      <span class="grow clip">
        Removed {widget.label || widget.address || "the text"}
        {page.id !== shown.id && ` from ${page.name}`}
      </span>
      <button class="btn" onClick={putBack}>
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
