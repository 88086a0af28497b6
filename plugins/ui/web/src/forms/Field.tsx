// One key: its name, its control, what it means, and what is wrong with it.

import { StateMark } from "../icons";
import { idOf, type FormFacts } from "./form";
import { kindOf, resolved, type Schema } from "./schema";
import { textOf, type FormPath, type FormValue } from "./values";

interface Props {
  form: FormFacts;
  name: string;
  schema: Schema;
  path: FormPath;
  required: boolean;
  value: FormValue | undefined;
  onChange(value: FormValue | undefined): void;
}

const PROTECTED = "Can be changed only in the file, unless [http] has allow_code = true.";
const UNKNOWN = "Not an option of this table; change it in the file.";

export function Field({ form, name, schema: given, path, required, value, onChange }: Props) {
  const { Control } = form;
  const schema = resolved(given, form.definitions);
  const id = idOf(form, path);
  const kind = kindOf(schema, form.definitions).kind;
  const isSecret = schema["x-secret"] === true;
  const isUnknown = kind === "unknown" && !isSecret;
  const isSet = value !== undefined;
  const reason = form.lockedBy(path) || (schema.readOnly ? PROTECTED : isUnknown && isSet ? UNKNOWN : "");
  const isNested = kind === "table" || kind === "map" || kind === "list" || kind === "either";
  const problems = form.problemsAt(path, !isNested || !isSet);
  const label = form.labels[name];
  const isFixed = form.disabled || reason !== "" || isSecret || isUnknown;
  const described = [problems.length && `${id}-err`, `${id}-help`].filter(Boolean).join(" ");
  const reset = isSet && !required && !isFixed ? () => onChange(undefined) : undefined;
  return (
    <div class={`sf-field ${isSet ? "set" : ""}`}>
      <FieldName id={id} name={name} label={label} required={required} onReset={reset} />
      <div class="sf-body">
        {isSecret || isUnknown ? (
          <p class={isUnknown ? "mono dim sf-raw" : "mono dim"} id={id}>
            {!isSet ? "not set" : isSecret ? "set, not shown" : textOf(value)}
          </p>
        ) : (
          <Control
            form={form}
            schema={schema}
            path={path}
            value={value}
            onChange={onChange}
            id={id}
            label={label ?? name}
            described={described}
            invalid={problems.length > 0}
            disabled={isFixed}
            required={required}
          />
        )}
        {problems.length > 0 && <FieldProblems id={id} problems={problems} />}
        <FieldHelp id={id} text={isSecret ? `${schema.description ?? ""} A secret is set in the file.` : (schema.description ?? "")} reason={reason} />
      </div>
    </div>
  );
}

interface FieldNameProps {
  /** The id of its control. */
  id: string;
  name: string;
  label: string | undefined;
  required: boolean;
  onReset: (() => void) | undefined;
}

function FieldName({ id, name, label, required, onReset }: FieldNameProps) {
  return (
    <div class="sf-name">
      <label for={id} id={`${id}-label`}>
        {label && <span>{label}</span>}
        <span class={label ? "mono faint" : "mono"}>{name}</span>
        {required && <span class="sr"> (required)</span>}
      </label>
      {onReset && (
        <button type="button" class="sf-reset" onClick={onReset} aria-label={`Reset ${name} to its default`}>
          reset
        </button>
      )}
    </div>
  );
}

function FieldProblems({ id, problems }: { id: string; problems: readonly string[] }) {
  return (
    <p class="err" id={`${id}-err`}>
      <StateMark mark="bad" label={false} />
      <span>{problems.join("; ")}</span>
    </p>
  );
}

function FieldHelp({ id, text, reason }: { id: string; text: string; reason: string }) {
  return (
    <p class="help" id={`${id}-help`}>
      <Described text={text} />
      {reason && <span class="w"> {reason}</span>}
    </p>
  );
}

/** A description: what is between backticks is code. */
function Described({ text }: { text: string }) {
  return <>{text.split("`").map((each, index) => (index % 2 ? <code key={index}>{each}</code> : each))}</>;
}
