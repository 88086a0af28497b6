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
  const reason = form.lockedBy(path) || (schema.readOnly ? PROTECTED : isUnknown && value !== undefined ? UNKNOWN : "");
  const isNested = kind === "table" || kind === "map" || kind === "list" || kind === "either";
  const problems = form.problemsAt(path, !isNested || value === undefined);
  const label = form.labels[name];
  const isSet = value !== undefined;
  const isFixed = form.disabled || reason !== "" || isSecret || isUnknown;
  const described = [problems.length && `${id}-err`, `${id}-help`].filter(Boolean).join(" ");
  return (
    <div class={`sf-field ${isSet ? "set" : ""}`}>
      <div class="sf-name">
        <label for={id} id={`${id}-label`}>
          {label && <span>{label}</span>}
          <span class={label ? "mono faint" : "mono"}>{name}</span>
          {required && <span class="sr"> (required)</span>}
        </label>
        {isSet && !required && !isFixed && (
          <button type="button" class="sf-reset" onClick={() => onChange(undefined)} aria-label={`Reset ${name} to its default`}>
            reset
          </button>
        )}
      </div>
      <div class="sf-body">
        {isSecret ? (
          <p class="mono dim" id={id}>
            {isSet ? "set, not shown" : "not set"}
          </p>
        ) : isUnknown ? (
          <p class="mono dim sf-raw" id={id}>
            {isSet ? textOf(value) : "not set"}
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
        {problems.length > 0 && (
          <p class="err" id={`${id}-err`}>
            <StateMark mark="bad" label={false} />
            <span>{problems.join("; ")}</span>
          </p>
        )}
        <p class="help" id={`${id}-help`}>
          <Described text={isSecret ? `${schema.description ?? ""} A secret is set in the file.` : (schema.description ?? "")} />
          {reason && <span class="w"> {reason}</span>}
        </p>
      </div>
    </div>
  );
}

/** A description: what is between backticks is code. */
function Described({ text }: { text: string }) {
  return <>{text.split("`").map((each, index) => (index % 2 ? <code key={index}>{each}</code> : each))}</>;
}
