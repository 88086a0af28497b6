// The fields of one table: those that matter first, the others on request.

import { useState } from "preact/hooks";

import type { FormFacts } from "./form";
import { Field } from "./Field";
import { orderedKeys, resolved, type Schema } from "./schema";
import { withKey, type FormPath, type FormTable } from "./values";

interface Props {
  form: FormFacts;
  schema: Schema;
  path: FormPath;
  value: FormTable;
  onChange(value: FormTable): void;
  first?: readonly string[];
}

export function TableFields({ form, schema: given, path, value, onChange, first = [] }: Props) {
  const schema = resolved(given, form.definitions);
  // As at first: a field that gets a value must not move while it is typed in.
  const [written] = useState(() => Object.keys(value));
  const { shown, more } = orderedKeys(schema, written, first);
  const field = (key: string) => (
    <Field
      key={key}
      form={form}
      name={key}
      schema={schema.properties?.[key] ?? {}}
      path={[...path, key]}
      required={schema.required?.includes(key) ?? false}
      value={value[key]}
      onChange={(changed) => onChange(withKey(value, key, changed))}
    />
  );
  return (
    <>
      {shown.map(field)}
      {more.length > 0 && shown.length === 0 && path.length > 0 && more.map(field)}
      {more.length > 0 && (shown.length > 0 || path.length === 0) && (
        <details class="sf-more">
          <summary>
            More options <span class="faint">{more.length}</span>
          </summary>
          <div class="sf">{more.map(field)}</div>
        </details>
      )}
    </>
  );
}
