// The form of a page: its name, its grid, who sees it, and its place among the others.

import { several } from "../format";
import { Icon } from "../icons";
import { useSecondPress } from "../parts/second_press";
import type { PageChange, SurfacePage } from "../protocol";
import { pageOrder, tokenNames, tryEdit } from "./surface_store";
import { SurfaceFiles } from "./SurfaceFiles";

const COLUMNS = [4, 6, 8, 12, 16, 24];

export function PageForm({ page }: { page: SurfacePage }) {
  const set = (changes: PageChange) => tryEdit({ op: "change_page", page: page.id, changes });
  return (
    <section class="in" aria-label="Page">
      <h2>Page</h2>
      <PageNameField page={page} set={set} />
      <ColumnsField page={page} set={set} />
      {tokenNames.value.length > 0 && <TokensField page={page} set={set} />}
      <MoveButtons page={page} set={set} />
      <div class="two">
        <button class="btn" onClick={() => set({ locked: true })}>
          <Icon name="lock" />
          Lock
        </button>
        <RemovePageButton page={page} />
      </div>
      <SurfaceFiles />
    </section>
  );
}

interface PageFieldProps {
  page: SurfacePage;
  set(changes: PageChange): void;
}

function PageNameField({ page, set }: PageFieldProps) {
  return (
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
  );
}

function ColumnsField({ page, set }: PageFieldProps) {
  const choices = [...new Set([...COLUMNS, page.columns])].sort((a, b) => a - b);
  return (
    <label class="fld">
      <span>Columns</span>
      <select class="in1" value={page.columns} onChange={(event) => set({ columns: Number(event.currentTarget.value) })}>
        {choices.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The tokens that the page is shown to. */
function TokensField({ page, set }: PageFieldProps) {
  const { tokens } = page;
  return (
    <fieldset class="fld">
      <legend>For tokens</legend>
      <div class="checks">
        {tokenNames.value.map((each) => (
          <label key={each}>
            <input
              type="checkbox"
              checked={tokens.includes(each)}
              onChange={(event) =>
                set({ tokens: event.currentTarget.checked ? [...tokens, each] : tokens.filter((name) => name !== each) })
              }
            />
            {each}
          </label>
        ))}
      </div>
      <p class="faint">{tokens.length ? `Shown to ${several(tokens.length, "token")}, and to those that may configure.` : "Shown to all."}</p>
    </fieldset>
  );
}

function MoveButtons({ page, set }: PageFieldProps) {
  const position = pageOrder.value.indexOf(page.id);
  return (
    <div class="two">
      <button class="btn" disabled={position < 1} onClick={() => set({ position: position - 1 })}>
        Move left
      </button>
      <button class="btn" disabled={position === pageOrder.value.length - 1} onClick={() => set({ position: position + 1 })}>
        Move right
      </button>
    </div>
  );
}

function RemovePageButton({ page }: { page: SurfacePage }) {
  const [isAsked, setAsked] = useSecondPress();
  return (
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
  );
}
