// Controls of several values: a row of numbers, a list, a table with any keys, one of several kinds.

import { useState } from "preact/hooks";

import { Icon } from "../icons";
import type { ControlProps } from "./form";
import { firstValue, fits, kindName, kindOf, type Schema } from "./schema";
import { isList, isTable, textOf, withKey, type FormValue } from "./values";

/** The parts of a control that are those of its parent, with another place. */
function inner(props: ControlProps, part: string | number): ControlProps {
  const { form, described } = props;
  const path = [...props.path, part];
  const id = `${props.id}-${String(part).replace(/[^\w-]/g, "_")}`;
  const label = `${props.label}, ${typeof part === "number" ? part + 1 : part}`;
  return { ...props, form, path, id, label, described, invalid: form.problemsAt(path, true).length > 0, required: false };
}

interface RowProps extends ControlProps {
  items: readonly Schema[];
}

/** A fixed number of values, e.g. the four of `scale`. All of them are written, or none. */
export function RowControl(props: RowProps) {
  const { items, value, onChange } = props;
  const { Control } = props.form;
  const list = isList(value) ? value : [];
  const set = (index: number, changed: FormValue | undefined) => {
    const next = items.map((_, at) => (at === index ? (changed ?? "") : (list[at] ?? "")));
    onChange(next.every((each) => each === "") ? undefined : next);
  };
  return (
    <div class="sf-row" role="group" id={props.id} aria-labelledby={`${props.id}-label`}>
      {items.map((item, index) => (
        <Control
          key={index}
          {...inner(props, index)}
          schema={item}
          value={list[index] === "" ? undefined : list[index]}
          onChange={(changed) => set(index, changed)}
        />
      ))}
    </div>
  );
}

interface ListProps extends ControlProps {
  item: Schema;
  single: boolean;
}

/** A list. Names that are known are picked; others are typed. */
export function ListControl(props: ListProps) {
  const { form, item, single, value, onChange, disabled } = props;
  const { Control } = form;
  const list = value === undefined ? [] : isList(value) ? value : [value];
  const offered = form.suggestions(props.path);
  const give = (next: readonly FormValue[]) => {
    if (!next.length) onChange(undefined);
    else onChange(single && next.length === 1 ? next[0] : next);
  };
  if (offered.length && list.every((each) => typeof each === "string")) {
    return <PickControl {...props} offered={offered} picked={list} onPick={give} />;
  }
  return (
    <div class="sf-list" role="group" id={props.id} aria-labelledby={`${props.id}-label`}>
      {list.map((each, index) => (
        <div class="sf-item" key={index}>
          <Control
            {...inner(props, index)}
            schema={item}
            value={each}
            onChange={(changed) => give(list.map((old, at) => (at === index ? (changed ?? "") : old)))}
          />
          <Problems texts={form.problemsAt([...props.path, index], !isTable(each))} />
          {!disabled && (
            <button type="button" class="btn ghost" aria-label={`Remove ${props.label}, ${index + 1}`} onClick={() => give(list.filter((_, at) => at !== index))}>
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
      {!disabled && (
        <button type="button" class="btn" onClick={() => give([...list, firstValue(item, form.definitions)])}>
          Add {props.label}
        </button>
      )}
    </div>
  );
}

interface PickProps extends ControlProps {
  offered: readonly string[];
  picked: readonly string[];
  onPick(names: readonly string[]): void;
}

/** Names as buttons that are pressed. */
function PickControl({ id, described, disabled, offered, picked, onPick }: PickProps) {
  const names = [...new Set([...offered, ...picked])];
  return (
    <div class="sf-pick" role="group" id={id} aria-labelledby={`${id}-label`} aria-describedby={described}>
      {names.map((name) => (
        <button
          key={name}
          type="button"
          aria-pressed={picked.includes(name)}
          disabled={disabled}
          onClick={() => onPick(picked.includes(name) ? picked.filter((each) => each !== name) : [...picked, name])}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function Problems({ texts }: { texts: readonly string[] }) {
  return texts.length ? <p class="err">{texts.join("; ")}</p> : null;
}

interface MapProps extends ControlProps {
  item: Schema;
}

/** A table with any keys. */
export function MapControl(props: MapProps) {
  const { form, item, value, onChange, disabled } = props;
  const { Control } = form;
  const table = isTable(value) ? value : {};
  const [name, setName] = useState("");
  const add = () => {
    if (!name || name in table) return;
    onChange({ ...table, [name]: firstValue(item, form.definitions) });
    setName("");
  };
  const remove = (key: string) => {
    const next = withKey(table, key, undefined);
    onChange(Object.keys(next).length ? next : undefined);
  };
  return (
    <div class="sf-list" role="group" id={props.id} aria-labelledby={`${props.id}-label`}>
      {Object.entries(table).map(([key, each]) => (
        <div class="sf-item named" key={key}>
          <span class="mono">{key}</span>
          <Control {...inner(props, key)} schema={item} value={each} onChange={(changed) => onChange({ ...table, [key]: changed ?? "" })} />
          <Problems texts={form.problemsAt([...props.path, key], true)} />
          {!disabled && (
            <button type="button" class="btn ghost" aria-label={`Remove ${key}`} onClick={() => remove(key)}>
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
      {!disabled && (
        <div class="sf-item">
          <input
            class="in1 mono"
            aria-label={`New key in ${props.label}`}
            placeholder="name"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              add();
            }}
          />
          <button type="button" class="btn" disabled={!name || name in table} onClick={add}>
            Add
          </button>
        </div>
      )}
    </div>
  );
}

interface EitherProps extends ControlProps {
  options: readonly Schema[];
}

/** A value of one of several kinds: first which, then the value. */
export function EitherControl(props: EitherProps) {
  const { form, options, value, onChange, disabled, schema } = props;
  const { Control, definitions } = form;
  const chosen = value === undefined ? -1 : options.findIndex((each) => fits(value, each, definitions));
  const option = options[chosen];
  return (
    <div class="sf-list">
      <select
        class="in1"
        id={props.id}
        aria-label={`Kind of ${props.label}`}
        aria-describedby={props.described}
        value={String(chosen)}
        disabled={disabled}
        onChange={(event) => {
          const found = options[Number(event.currentTarget.value)];
          onChange(found ? firstValue(found, definitions) : undefined);
        }}
      >
        <option value="-1">{schema.default === undefined ? "default" : `${textOf(schema.default)} (default)`}</option>
        {options.map((each, index) => (
          <option key={index} value={String(index)}>
            {kindName(each, definitions)}
          </option>
        ))}
      </select>
      {option && kindOf(option, definitions).kind !== "unknown" && (
        <Control {...props} id={`${props.id}-of`} schema={option} onChange={(changed) => onChange(changed ?? "")} />
      )}
    </div>
  );
}
