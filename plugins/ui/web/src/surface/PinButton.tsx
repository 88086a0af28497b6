// Pins a value to a page of the surface, from the view Values.

import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { Icon } from "../icons";
import { go } from "../router";
import type { SurfaceEdit } from "../protocol";
import type { Target } from "../sending";
import { connection, may, online } from "../store";
import type { Value } from "../values_store";
import { isPinnable, pinned } from "./pinning";
import { choosePage, edit, freeName, isKnown, mayEdit, newPage, page, pageOrder, pages, watchSurface } from "./surface_store";

const NEW = "+"; // no id of a page

interface Props {
  value: Value;
  target: Target | undefined;
}

export function PinButton({ value, target }: Props) {
  const [isOpen, setOpen] = useState(false);
  useSurface(isOpen);
  const { pageId, choose, pin, result, error } = usePin({ value, target }, () => setOpen(false));
  if (!may("configure")) return null;
  if (!isOpen) {
    return (
      <span class="pin">
        <button class="btn" disabled={!online.value} onClick={() => setOpen(true)}>
          <Icon name="pin" />
          Pin to the surface
        </button>
        {result && (
          <span role="status">
            On {result}. <a class="link-to" href="surface" onClick={(event) => open(event)}>Open it</a>
          </span>
        )}
      </span>
    );
  }
  if (!isKnown.value) return <span class="pin">…</span>;
  if (!mayEdit.value) return <span class="pin">This token may not edit the surface.</span>;
  return (
    <span class="pin">
      <PageChooser pageId={pageId} onChoose={choose} />
      <button class="btn go" onClick={pin}>
        Pin
      </button>
      <button class="btn ghost" aria-label="Do not pin" onClick={() => setOpen(false)}>
        <Icon name="close" />
      </button>
      {error && (
        <span class="b" role="alert">
          {error}
        </span>
      )}
    </span>
  );
}

/** Watches the pages of the surface while they are needed. */
function useSurface(isNeeded: boolean): void {
  useEffect(() => {
    if (!isNeeded) return;
    const end = effect(watchSurface);
    return () => {
      end();
      connection.unwatch("surface");
      isKnown.value = false;
    };
  }, [isNeeded]);
}

/** Puts a control for a value onto the chosen page, or onto a new one. */
function usePin({ value, target }: Props, onPinned: () => void) {
  const [result, setResult] = useState("");
  const [error, setError] = useState("");
  const [chosen, choose] = useState("");
  const pageId = chosen || page.value?.id || NEW;
  const pin = () => {
    if (!isPinnable(value.row.address)) return setError("The surface takes only addresses without spaces.");
    const known = pages.value.get(pageId);
    const to = known ?? newPage(freeName("Main"));
    const widget = pinned(value.row, value.series.values(), target, to.widgets, to.columns);
    const edits: SurfaceEdit[] = known ? [] : [{ op: "add_page", page: to }];
    edit(...edits, { op: "add_widget", page: to.id, widget }).then(
      () => {
        choosePage(to.id);
        setResult(to.name);
        setError("");
        onPinned();
      },
      (reason: Error) => setError(reason.message),
    );
  };
  return { pageId, choose, pin, result, error };
}

function PageChooser({ pageId, onChoose }: { pageId: string; onChoose(id: string): void }) {
  return (
    <label>
      On{" "}
      <select value={pageId} onChange={(event) => onChoose(event.currentTarget.value)}>
        {pageOrder.value.map((id) => (
          <option key={id} value={id}>
            {pages.value.get(id)?.name}
          </option>
        ))}
        <option value={NEW}>a new page</option>
      </select>
    </label>
  );
}

function open(event: MouseEvent): void {
  event.preventDefault();
  go("surface");
}
