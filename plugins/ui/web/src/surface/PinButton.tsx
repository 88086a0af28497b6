// Pins a value to a page of the surface, from the view Values.

import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { Icon } from "../icons";
import { go } from "../router";
import type { SurfaceEdit } from "../protocol";
import type { Target } from "../sending";
import { connection, may, online } from "../store";
import type { Value } from "../values_store";
import { pinned } from "./pinning";
import { choosePage, edit, freeName, isKnown, mayEdit, newPage, page, pageOrder, pages, watchSurface } from "./surface_store";

const NEW = "+"; // no id of a page

export function PinButton({ value, target }: { value: Value; target: Target | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const [result, setResult] = useState("");
  const [error, setError] = useState("");
  const [chosen, setChosen] = useState("");
  useEffect(() => {
    if (!isOpen) return;
    const end = effect(watchSurface);
    return () => {
      end();
      connection.unwatch("surface");
      isKnown.value = false;
    };
  }, [isOpen]);
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
  const at = chosen || page.value?.id || NEW;
  const pin = () => {
    const known = pages.value.get(at);
    const to = known ?? newPage(freeName("Main"));
    const widget = pinned(value.row, value.series.values(), target, to.widgets, to.columns);
    const edits: SurfaceEdit[] = known ? [] : [{ op: "add_page", page: to }];
    edit(...edits, { op: "add_widget", page: to.id, widget }).then(
      () => {
        choosePage(to.id);
        setResult(to.name);
        setError("");
        setOpen(false);
      },
      (reason: Error) => setError(reason.message),
    );
  };
  return (
    <span class="pin">
      <label>
        On{" "}
        <select value={at} onChange={(event) => setChosen(event.currentTarget.value)}>
          {pageOrder.value.map((id) => (
            <option key={id} value={id}>
              {pages.value.get(id)?.name}
            </option>
          ))}
          <option value={NEW}>a new page</option>
        </select>
      </label>
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

function open(event: MouseEvent): void {
  event.preventDefault();
  go("surface");
}
