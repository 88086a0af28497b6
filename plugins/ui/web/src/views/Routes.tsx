// Routes: as they run, and as the file has them. Nothing changes before its difference was shown.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { configuration, readAll, readError, undoEdit } from "../editing/client";
import { useDraft } from "../editing/draft";
import { SaveBox } from "../editing/SaveBox";
import { several } from "../format";
import { Icon, StateMark } from "../icons";
import { Lazy } from "../parts/Lazy";
import { baseName, RouteForm, RouteGone } from "../routes/RouteForm";
import { indexOf, isBehind, type Open, open, reloads, routeRows, saved, watchRoutes } from "../routes/routes_store";
import { RouteTable } from "../routes/RouteTable";
import { Versions } from "../routes/Versions";
import { connection, may, online } from "../store";

export function Routes() {
  const allowed = may("configure");
  useEffect(watchRoutes, []);
  // A draft starts from the version that it was opened with: changes of others are merged with it.
  const isIdle = open.value === null;
  useEffect(() => {
    if (allowed && online.value && isIdle) void readAll();
  }, [allowed, online.value, isIdle, reloads.value]);
  return (
    <>
      <Notes />
      <div class={`desk2 ${open.value ? "opened" : ""}`}>
        <div>
          <section class="panel" aria-label="Routes">
            <header>
              <h2>Routes</h2>
              <Source />
              <span class="grow" />
              {allowed && (
                <>
                  <button class="btn ghost" aria-pressed={open.value?.kind === "text"} onClick={() => (open.value = { kind: "text" })}>
                    <Icon name="edit" />
                    Edit as text
                  </button>
                  <button class="btn" disabled={!configuration.value} onClick={() => (open.value = { kind: "form", index: null, table: {} })}>
                    <Icon name="plus" />
                    New route
                  </button>
                </>
              )}
            </header>
            <RouteTable />
            {allowed && !open.value && routeRows().length > 0 && (
              <p class="say">Select a route to change it. Before you save, you see how the last messages pass through it, and what changes in the file.</p>
            )}
          </section>
          {allowed && <Versions />}
        </div>
        <div id="route-panel">
          <Panel />
        </div>
      </div>
    </>
  );
}

function Source() {
  const found = configuration.value;
  if (!found?.files[0]) return null;
  if (found.built_in) return <span class="faint desk">the built-in configuration; the first save writes {baseName(found.files[0].name)}</span>;
  const more = found.files.length - 1;
  return (
    <span class="faint desk clip">
      from {baseName(found.files[0].name)}
      {more > 0 && ` and ${several(more, "included file")}`}
    </span>
  );
}

/** What was saved, and what is in the way. */
function Notes() {
  const found = configuration.value;
  const isReadOnly = found?.files.find((each) => each.read_only);
  return (
    <>
      {!may("configure") && <p class="note-line faint">Changing routes needs a token with the right configure.</p>}
      {readError.value && (
        <p class="note-line b" role="alert">
          {readError.value}
        </p>
      )}
      {found?.problem && (
        <p class="note-line b" role="alert">
          <StateMark mark="bad" label={false} />
          {found.problem} Correct it as text.
        </p>
      )}
      {isReadOnly && (
        <p class="note-line w">
          <StateMark mark="warn" label={false} />
          {isReadOnly.read_only}: what you save is offered as text to copy.
        </p>
      )}
      {found && !found.problem && isBehind() && <Behind />}
      <Saved />
    </>
  );
}

function Behind() {
  const error = useSignal("");
  const reload = () => {
    connection.command({ type: "reload" }).then(
      () => (error.value = ""),
      (reason: Error) => (error.value = reason.message),
    );
  };
  return (
    <p class="note-line w" role="status">
      <StateMark mark="warn" label={false} />
      <span class="grow">{error.value || "The file has other routes than those that run."}</span>
      <button class="btn" onClick={reload}>
        Reload
      </button>
    </p>
  );
}

function Saved() {
  const state = saved.value;
  const error = useSignal("");
  if (!state) return null;
  const undo = () => {
    undoEdit(state.number || null).then(
      (answer) => {
        error.value = answer.error;
        if (!answer.error) saved.value = null;
      },
      (reason: Error) => (error.value = reason.message),
    );
  };
  return (
    <div class="note-line done" role="status">
      <StateMark mark={error.value || state.problems.length ? "warn" : "live"} label={false} />
      <span class="grow">
        {error.value || `Saved and reloaded: ${state.text}.`}
        {state.merged && " Changes that were made elsewhere meanwhile are kept."}
        {state.problems.map((each) => (
          <span key={each} class="w">
            {" "}
            {each}
          </span>
        ))}
      </span>
      {state.number > 0 && (
        <button class="btn" onClick={undo}>
          Undo
        </button>
      )}
      <button class="btn ghost only-icon" aria-label="Close" onClick={() => (saved.value = null)}>
        <Icon name="close" />
      </button>
    </div>
  );
}

function Panel() {
  const shown = open.value;
  if (!shown) {
    return null;
  }
  switch (shown.kind) {
    case "form":
      return <RouteForm key={`${shown.index ?? "new"}-${String(shown.table["name"] ?? "")}`} index={shown.index} table={shown.table} />;
    case "edit":
      return <EditBox key={shown.title} {...shown} />;
    case "text":
      return <Lazy load={loadText} what="editor" />;
  }
}

/** What an edit of a whole route changes. The route may have another index by now, or be gone. */
function EditBox({ title, index: given, table, edit, summary }: Extract<Open, { kind: "edit" }>) {
  const index = indexOf(table, given);
  const edits = useMemo(() => (index === null ? [] : [edit(index)]), [index, edit]);
  const draft = useDraft(edits);
  const problems = [...(draft.checked?.refused ?? []), ...(draft.checked?.problems.map((each) => each.text) ?? [])];
  if (index === null && configuration.value) return <RouteGone />;
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
      </header>
      <SaveBox
        edits={edits}
        draft={draft}
        summary={summary}
        problems={problems}
        onSaved={(state) => {
          saved.value = state;
          open.value = null;
        }}
        onCancel={() => (open.value = null)}
      />
    </section>
  );
}

/** The editor of texts is large: it is loaded when it is opened. */
const loadText = () => import("../routes/TextEditor").then((module) => module.TextEditor);
