// The side of a page that is arranged: controls to add, the chosen control, and the page itself.

import type { Signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { several } from "../format";
import { Icon } from "../icons";
import { useSecondPress } from "../parts/second_press";
import type { PageChange, SurfacePage, Widget } from "../protocol";
import { AddControls } from "./AddControls";
import { ControlForm } from "./ControlForm";
import { choosePage, editError, file, pageOrder, pages, tokenNames, tryEdit } from "./surface_store";
import { exportSurface, importSurface } from "./transfer";

const UNDO = 20_000; // ms for which what was removed can be put back

interface Props {
  page: SurfacePage;
  chosen: Signal<string>;
}

export function Arranger({ page, chosen }: Props) {
  const widget = page.widgets.find((each) => each.id === chosen.value);
  const [removed, setRemoved] = useState<Widget | null>(null);
  useEffect(() => {
    if (!removed) return;
    const timer = window.setTimeout(() => setRemoved(null), UNDO);
    return () => window.clearTimeout(timer);
  }, [removed]);
  return (
    <aside class="arranger panel" aria-label="Arrange">
      {editError.value && (
        <p class="say b" role="alert">
          {editError.value}
        </p>
      )}
      {removed && !page.locked && (
        <div class="undo" role="status">
          <span class="grow clip">Removed {removed.label || removed.address || "the text"}</span>
          <button
            class="btn"
            onClick={() => {
              tryEdit({ op: "add_widget", page: page.id, widget: removed });
              setRemoved(null);
            }}
          >
            Undo
          </button>
        </div>
      )}
      {page.locked ? (
        <Locked page={page} />
      ) : widget ? (
        <ControlForm
          key={widget.id}
          page={page}
          widget={widget}
          onClose={() => (chosen.value = "")}
          onRemove={() => {
            setRemoved(widget);
            tryEdit({ op: "remove_widget", page: page.id, widget: widget.id });
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

function Locked({ page }: { page: SurfacePage }) {
  return (
    <section class="in">
      <h2>{page.name} is locked</h2>
      <p class="dim">No browser can edit it by accident. Its controls work.</p>
      <button class="btn go" onClick={() => tryEdit({ op: "change_page", page: page.id, changes: { locked: false } })}>
        <Icon name="unlock" />
        Unlock
      </button>
      <Files />
    </section>
  );
}

function PageForm({ page }: { page: SurfacePage }) {
  const [isAsked, setAsked] = useSecondPress();
  const set = (changes: PageChange) =>
    tryEdit({ op: "change_page", page: page.id, changes });
  const position = pageOrder.value.indexOf(page.id);
  return (
    <section class="in" aria-label="Page">
      <h2>Page</h2>
      <label class="fld">
        <span>Name</span>
        <input
          class="in1"
          maxLength={40}
          value={page.name}
          onChange={(event) => {
            const name = event.currentTarget.value.trim();
            if (name) set({ name });
            else event.currentTarget.value = page.name;
          }}
        />
      </label>
      <label class="fld">
        <span>Columns</span>
        <select class="in1" value={page.columns} onChange={(event) => set({ columns: Number(event.currentTarget.value) })}>
          {[...new Set([4, 6, 8, 12, 16, 24, page.columns])]
            .sort((a, b) => a - b)
            .map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
        </select>
      </label>
      {tokenNames.value.length > 0 && (
        <fieldset class="fld">
          <legend>For tokens</legend>
          <div class="checks">
            {tokenNames.value.map((each) => (
              <label key={each}>
                <input
                  type="checkbox"
                  checked={page.tokens.includes(each)}
                  onChange={(event) =>
                    set({
                      tokens: event.currentTarget.checked
                        ? [...page.tokens, each]
                        : page.tokens.filter((name) => name !== each),
                    })
                  }
                />
                {each}
              </label>
            ))}
          </div>
          <p class="faint">{page.tokens.length ? `Shown to ${several(page.tokens.length, "token")}, and to those that may configure.` : "Shown to all."}</p>
        </fieldset>
      )}
      <div class="two">
        <button class="btn" disabled={position < 1} onClick={() => set({ position: position - 1 })}>
          Move left
        </button>
        <button class="btn" disabled={position === pageOrder.value.length - 1} onClick={() => set({ position: position + 1 })}>
          Move right
        </button>
      </div>
      <div class="two">
        <button class="btn" onClick={() => set({ locked: true })}>
          <Icon name="lock" />
          Lock
        </button>
        <button
          class={`btn ${isAsked ? "danger" : ""}`}
          onClick={() => {
            if (isAsked) tryEdit({ op: "remove_page", page: page.id });
            setAsked(!isAsked);
          }}
        >
          <Icon name="trash" />
          {isAsked ? "Press again" : "Remove"}
        </button>
      </div>
      <Files />
    </section>
  );
}

function Files() {
  const [result, setResult] = useState("");
  const [isBad, setBad] = useState(false);
  const load = async (input: HTMLInputElement) => {
    const [given] = input.files ?? [];
    if (!given) return;
    setBad(false);
    setResult("Importing…");
    try {
      const before = pages.value.size;
      const first = await importSurface(given.size > 4_000_000 ? " ".repeat(4_000_001) : await given.text());
      if (first) choosePage(first);
      setResult(`${several(pages.value.size - before, "page")} added.`);
    } catch (error) {
      setBad(true);
      setResult(`Not imported: ${(error as Error).message}`);
    }
    input.value = "";
  };
  return (
    <>
      <div class="two">
        <button class="btn" onClick={exportSurface}>
          <Icon name="download" />
          Export
        </button>
        <label class="btn">
          <Icon name="upload" />
          Import
          <input class="sr" type="file" accept=".json,application/json" onChange={(event) => void load(event.currentTarget)} />
        </label>
      </div>
      {result && (
        <p class={`say ${isBad ? "b" : ""}`} role={isBad ? "alert" : "status"}>
          {result}
        </p>
      )}
      <p class="faint wrap">Kept in {file.value}</p>
    </>
  );
}
