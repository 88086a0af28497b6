// The form of one route: its keys, real messages on their way through the draft, and what saving changes.

import { useMemo, useState } from "preact/hooks";

import { configuration, schema } from "../editing/client";
import { problemsOf, SaveBox, useDraft } from "../editing/SaveBox";
import { SchemaForm } from "../forms/SchemaForm";
import type { Schema } from "../forms/schema";
import { encodeTable, withKey, type FormTable } from "../forms/values";
import { Icon } from "../icons";
import type { EditWanted, SavedState } from "../protocol";
import { may } from "../store";
import { changed, freeRouteName, indexOf, namesOf, open, partNames, routeTables, saved } from "./routes_store";
import { Trace, type TrialWanted } from "./Trace";

const FIRST = ["name", "match", "scale", "send", "limit"];

interface Props {
  /** The index of the route in the configuration; null for a new one. */
  index: number | null;
  table: FormTable;
}

export function RouteForm({ index: given, table: first }: Props) {
  const index = given === null ? null : indexOf(first, given);
  const [value, setValue] = useState(first);
  const [trial, setTrial] = useState<TrialWanted>({ message: "", run_function: false });
  const all = routeTables();
  const at = index ?? all.length;
  const edits = useMemo<readonly EditWanted[]>(() => {
    const table = encodeTable(value);
    return [index === null ? { kind: "add", path: ["route"], table, position: null } : { kind: "change", path: ["route", index], table }];
  }, [value, index]);
  const draft = useDraft(edits, { route: at, ...trial });
  const { own, others } = problemsOf(draft, ["route", at]);
  const model = routeSchema();
  if (given !== null && index === null && configuration.value) return <Gone />;
  if (!model || !configuration.value) return <p class="say">Reading the configuration…</p>;
  const environment = configuration.value.environment;
  const place = configuration.value.places[at];
  const name = typeof value["name"] === "string" ? value["name"] : "";
  const canEdit = may("configure");
  const pick = (key: "from" | "to", names: readonly string[]) =>
    setValue(withKey(value, key, names.length === 1 ? names[0]! : names.length ? [...names] : undefined));
  const done = (state: SavedState) => {
    saved.value = state;
    open.value = null;
  };
  return (
    <form class="panel route-form" aria-label={index === null ? "New route" : `Edit route ${name || at + 1}`} onSubmit={(event) => event.preventDefault()}>
      <header>
        <h2>{name || (index === null ? "New route" : `Route ${at + 1}`)}</h2>
        {place && (configuration.value.files.length > 1) && <span class="faint clip">{baseName(place)}</span>}
        <span class="grow" />
        {index !== null && <RouteActions index={index} table={first} count={all.length} />}
        <button type="button" class="btn ghost only-icon" aria-label="Close" onClick={() => (open.value = null)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="route-fields">
        <Names label="From" side="from" value={namesOf(value, "from")} disabled={!canEdit} problems={own.filter((each) => each.path[0] === "from").map((each) => each.text)} onChange={(names) => pick("from", names)} />
        <SchemaForm
          schema={model}
          definitions={schema.value?.definitions ?? {}}
          value={withKey(withKey(value, "from", undefined), "to", undefined)}
          onChange={(table) => setValue({ ...pickedOf(value), ...table })}
          problems={own.filter((each) => each.path[0] !== "from" && each.path[0] !== "to")}
          locked={(path) => {
            const variable = environment[`route ${at + 1}: ${path.join(".")}`];
            return variable ? `Set by the environment variable ${variable}.` : "";
          }}
          first={FIRST}
          disabled={!canEdit}
        />
        <Names label="To" side="to" value={namesOf(value, "to")} disabled={!canEdit} problems={own.filter((each) => each.path[0] === "to").map((each) => each.text)} onChange={(names) => pick("to", names)} />
      </div>
      <Trace draft={draft} trial={trial} onTrial={setTrial} hasFunction={"function" in value} />
      <SaveBox
        edits={edits}
        draft={draft}
        summary={changed(name, index === null)}
        problems={others}
        onSaved={done}
        onCancel={() => (open.value = null)}
      />
    </form>
  );
}

/** The schema of a route without its two lists of names, which have fields of their own. */
function routeSchema(): Schema | null {
  const found = schema.value?.definitions["RouteOptions"];
  if (!found) return null;
  const properties = Object.fromEntries(
    Object.entries(found.properties ?? {}).filter(([key]) => key !== "from" && key !== "to"),
  );
  return { ...found, properties, required: [] };
}

function Gone() {
  return (
    <section class="panel" aria-label="Edit route">
      <p class="say" role="alert">
        This route was changed or removed elsewhere.
      </p>
      <div class="route-fields">
        <button class="btn" onClick={() => (open.value = null)}>
          Close
        </button>
      </div>
    </section>
  );
}

/** What has fields of its own. */
function pickedOf(table: FormTable): FormTable {
  return Object.fromEntries(Object.entries(table).filter(([key]) => key === "from" || key === "to"));
}

export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

interface NamesProps {
  label: string;
  side: "from" | "to";
  value: readonly string[];
  disabled: boolean;
  problems: readonly string[];
  onChange(names: readonly string[]): void;
}

/** Bridges and endpoints as buttons that are pressed. */
function Names({ label, side, value, disabled, problems, onChange }: NamesProps) {
  const names = [...new Set([...partNames(side), ...value])];
  const toggle = (name: string) => onChange(value.includes(name) ? value.filter((each) => each !== name) : [...value, name]);
  return (
    <div class="sf-field set">
      <div class="sf-name" id={`names-${side}`}>
        {label}
      </div>
      <div class="sf-body">
        <div class="sf-pick" role="group" aria-labelledby={`names-${side}`}>
          {names.map((name) => (
            <button key={name} type="button" aria-pressed={value.includes(name)} disabled={disabled} onClick={() => toggle(name)}>
              {name}
            </button>
          ))}
        </div>
        {problems.map((text) => (
          <p key={text} class="err" role="alert">
            {text === "missing key" ? "Choose at least one." : text}
          </p>
        ))}
      </div>
    </div>
  );
}

function RouteActions({ index, table, count }: { index: number; table: FormTable; count: number }) {
  const name = typeof table["name"] === "string" ? table["name"] : `route ${index + 1}`;
  const move = (to: number, words: string) => {
    const edits: EditWanted[] = [{ kind: "move", index, to }];
    open.value = { kind: "edit", title: `Move ${name} ${words}`, edits, summary: `${name} moved ${words}` };
  };
  const duplicate = () => {
    const given = table["name"];
    const copy = typeof given === "string" ? { ...table, name: freeRouteName(given) } : table;
    open.value = { kind: "form", index: null, table: withKey(copy, "function", undefined) };
  };
  const remove = () => {
    const edits: EditWanted[] = [{ kind: "remove", path: ["route", index] }];
    open.value = { kind: "edit", title: `Remove ${name}`, edits, summary: `${name} removed` };
  };
  const disabled = !may("configure");
  return (
    <span class="route-acts">
      <button type="button" class="btn ghost only-icon up" aria-label="Move up" title="Move up" disabled={disabled || index === 0} onClick={() => move(index - 1, "up")}>
        <Icon name="chevron" />
      </button>
      <button type="button" class="btn ghost only-icon down" aria-label="Move down" title="Move down" disabled={disabled || index + 1 >= count} onClick={() => move(index + 1, "down")}>
        <Icon name="chevron" />
      </button>
      <button type="button" class="btn ghost" disabled={disabled} onClick={duplicate}>
        Duplicate
      </button>
      <button type="button" class="btn ghost only-icon" aria-label="Remove" title="Remove" disabled={disabled} onClick={remove}>
        <Icon name="trash" />
      </button>
    </span>
  );
}
