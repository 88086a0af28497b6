// The form of one route: its keys, real messages on their way through the draft, and what saving changes.

import { useMemo, useState } from "preact/hooks";

import { configuration, schema } from "../editing/client";
import { problemsOf, useDraft } from "../editing/draft";
import { SaveBox } from "../editing/SaveBox";
import { useTableDraft } from "../editing/table_draft";
import type { FormProblem } from "../forms/form";
import { SchemaForm } from "../forms/SchemaForm";
import type { Schema } from "../forms/schema";
import { encodeTable, withKey, type FormTable } from "../forms/values";
import { Icon } from "../icons";
import type { EditWanted } from "../protocol";
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
  const { value, setValue, trial, setTrial, position, edits, draft } = useRouteDraft(index, first);
  const { own, others } = problemsOf(draft, ["route", position]);
  const model = routeSchema();
  if (given !== null && index === null && configuration.value) return <RouteGone />;
  if (!model || !configuration.value) return <p class="say">Reading the configuration…</p>;
  const { files, places } = configuration.value;
  const place = places[position];
  const name = typeof value["name"] === "string" ? value["name"] : "";
  const close = () => (open.value = null);
  return (
    <form class="panel route-form" aria-label={index === null ? "New route" : `Edit route ${name || position + 1}`} onSubmit={(event) => event.preventDefault()}>
      <header>
        <h2>{name || (index === null ? "New route" : `Route ${position + 1}`)}</h2>
        {place && files.length > 1 && <span class="faint clip">{baseName(place)}</span>}
        <span class="grow" />
        {index !== null && <RouteActions index={index} table={first} count={routeTables().length} />}
        <button type="button" class="btn ghost only-icon" aria-label="Close" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <RouteFields model={model} position={position} value={value} onChange={setValue} problems={own} />
      <Trace draft={draft} trial={trial} onTrial={setTrial} hasFunction={"function" in value} />
      <SaveBox
        edits={edits}
        draft={draft}
        summary={changed(name, index === null)}
        problems={others}
        onSaved={(state) => {
          saved.value = state;
          close();
        }}
        onCancel={close}
      />
    </form>
  );
}

/** The draft of a route: its keys, the message to try, and what the bridge says of them. */
function useRouteDraft(index: number | null, first: FormTable) {
  const inFile = index === null ? first : (routeTables()[index] ?? first);
  const [value, setValue] = useTableDraft(inFile);
  const [trial, setTrial] = useState<TrialWanted>({ message: "", run_function: false });
  const position = index ?? routeTables().length;
  const edits = useMemo<readonly EditWanted[]>(() => {
    const table = encodeTable(value);
    return [index === null ? { kind: "add", path: ["route"], table, position: null } : { kind: "change", path: ["route", index], table }];
  }, [value, index]);
  const draft = useDraft(edits, { route: position, ...trial });
  return { value, setValue, trial, setTrial, position, edits, draft };
}

interface RouteFieldsProps {
  model: Schema;
  /** The index of the route in the configuration. */
  position: number;
  value: FormTable;
  onChange(value: FormTable): void;
  problems: readonly FormProblem[];
}

/** The keys of a route, between where its messages come from and where they go. */
function RouteFields({ model, position, value, onChange, problems }: RouteFieldsProps) {
  const disabled = !may("configure");
  const sideProps = (side: "from" | "to") => ({
    side,
    value: namesOf(value, side),
    disabled,
    problems: problems.filter((each) => each.path[0] === side).map((each) => each.text),
    onChange: (names: readonly string[]) =>
      onChange(withKey(value, side, names.length === 1 ? names[0]! : names.length ? [...names] : undefined)),
  });
  return (
    <div class="route-fields">
      <Names label="From" {...sideProps("from")} />
      <SchemaForm
        schema={model}
        definitions={schema.value?.definitions ?? {}}
        value={withKey(withKey(value, "from", undefined), "to", undefined)}
        onChange={(table) => onChange({ ...pickedOf(value), ...table })}
        problems={problems.filter((each) => each.path[0] !== "from" && each.path[0] !== "to")}
        locked={(path) => {
          const variable = configuration.value?.environment[`route ${position + 1}: ${path.join(".")}`];
          return variable ? `Set by the environment variable ${variable}.` : "";
        }}
        first={FIRST}
        disabled={disabled}
      />
      <Names label="To" {...sideProps("to")} />
    </div>
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

/** In place of a form whose route is not in the configuration any more. */
export function RouteGone() {
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
    const edit = (at: number): EditWanted => ({ kind: "move", index: at, to: at + to - index });
    open.value = { kind: "edit", title: `Move ${name} ${words}`, index, table, edit, summary: `${name} moved ${words}` };
  };
  const duplicate = () => {
    const given = table["name"];
    const copy = typeof given === "string" ? { ...table, name: freeRouteName(given) } : table;
    open.value = { kind: "form", index: null, table: withKey(copy, "function", undefined) };
  };
  const remove = () => {
    const edit = (at: number): EditWanted => ({ kind: "remove", path: ["route", at] });
    open.value = { kind: "edit", title: `Remove ${name}`, index, table, edit, summary: `${name} removed` };
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
