// The control of a value, by the kind that its schema says.

import { useState } from "preact/hooks";

import type { ControlProps } from "./form";
import { EitherControl, ListControl, MapControl, RowControl } from "./Several";
import { kindOf, resolved } from "./schema";
import { TableFields } from "./TableFields";
import { isTable, parseNumber, textOf, type FormValue } from "./values";

export function Control(props: ControlProps) {
  const { form, path, value, onChange, disabled } = props;
  const schema = resolved(props.schema, form.definitions);
  const kind = kindOf(schema, form.definitions);
  switch (kind.kind) {
    case "switch":
      return <SwitchControl {...props} schema={schema} />;
    case "choice":
      return <ChoiceControl {...props} schema={schema} choices={kind.choices} />;
    case "number":
      return <TypedControl {...props} schema={schema} read={parseNumber} mode={kind.whole ? "numeric" : "decimal"} />;
    case "text":
      return <TypedControl {...props} schema={schema} read={kind.numbers ? parseNumber : (text) => text} mode="text" />;
    case "row":
      return <RowControl {...props} items={kind.items} />;
    case "list":
      return <ListControl {...props} item={kind.item} single={kind.single} />;
    case "map":
      return <MapControl {...props} item={kind.item} />;
    case "either":
      return <EitherControl {...props} options={kind.options} />;
    case "table":
      if (value === undefined) {
        return (
          <button type="button" id={props.id} class="btn" disabled={disabled} onClick={() => onChange({})} aria-describedby={props.described}>
            Set {props.label}
          </button>
        );
      }
      return (
        <div class="sf sf-table" role="group" aria-labelledby={`${props.id}-label`} id={props.id}>
          <TableFields
            form={disabled ? { ...form, disabled: true } : form}
            schema={kind.schema}
            path={path}
            value={isTable(value) ? value : {}}
            onChange={onChange}
          />
        </div>
      );
    default:
      return (
        <p class="mono dim sf-raw" id={props.id}>
          {textOf(value)}
        </p>
      );
  }
}

function SwitchControl({ schema, value, onChange, id, label, described, invalid, disabled }: ControlProps) {
  const isOn = (value ?? schema.default) === true;
  return (
    <div class="sf-line">
      <button
        type="button"
        class="sw"
        role="switch"
        id={id}
        aria-checked={isOn}
        aria-label={label}
        aria-describedby={described}
        aria-invalid={invalid || undefined}
        disabled={disabled}
        onClick={() => onChange(!isOn)}
      >
        <i />
      </button>
      <span class={value === undefined ? "faint" : ""}>
        {isOn ? "yes" : "no"}
        {value === undefined && " (default)"}
      </span>
    </div>
  );
}

interface ChoiceProps extends ControlProps {
  choices: readonly FormValue[];
}

function ChoiceControl({ schema, choices, value, onChange, id, described, invalid, disabled, required }: ChoiceProps) {
  if (choices.length === 1 && required) {
    return (
      <p class="mono" id={id}>
        {textOf(value ?? choices[0])}
      </p>
    );
  }
  const index = choices.findIndex((each) => each === value);
  const fallback = schema.default === undefined ? "default" : `${textOf(schema.default)} (default)`;
  return (
    <select
      class="in1"
      id={id}
      value={value === undefined ? "" : index >= 0 ? String(index) : "other"}
      aria-describedby={described}
      aria-invalid={invalid || undefined}
      disabled={disabled}
      onChange={(event) => {
        const found = event.currentTarget.value;
        onChange(found === "" ? undefined : choices[Number(found)]);
      }}
    >
      <option value="">{required ? "choose" : fallback}</option>
      {index < 0 && value !== undefined && (
        <option value="other" disabled>
          {textOf(value)}
        </option>
      )}
      {choices.map((each, at) => (
        <option key={at} value={String(at)}>
          {textOf(each)}
        </option>
      ))}
    </select>
  );
}

interface TypedProps extends ControlProps {
  read(text: string): FormValue;
  mode: "text" | "numeric" | "decimal";
}

/** A text or a number. While it has the focus it shows what is typed. */
export function TypedControl({ form, schema, path, value, onChange, id, label, described, invalid, disabled, read, mode }: TypedProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const offered = disabled ? [] : form.suggestions(path);
  const list = offered.length ? `${id}-list` : undefined;
  return (
    <>
      <input
        class="in1 mono"
        id={id}
        type="text"
        inputMode={mode}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        list={list}
        aria-label={label}
        aria-describedby={described}
        aria-invalid={invalid || undefined}
        placeholder={textOf(schema.default)}
        value={typed ?? textOf(value)}
        disabled={disabled}
        onInput={(event) => {
          const text = event.currentTarget.value;
          setTyped(text);
          onChange(text === "" ? undefined : read(text));
        }}
        onBlur={() => setTyped(null)}
      />
      {list && (
        <datalist id={list}>
          {offered.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </>
  );
}
