// A form for a table of the configuration, made from the JSON Schema of its options.

import { useId } from "preact/hooks";

import { Control } from "./Control";
import { problemTexts, type FormFacts, type FormProblem } from "./form";
import { TableFields } from "./TableFields";
import type { Definitions, Schema } from "./schema";
import type { FormPath, FormTable } from "./values";

export type { FormProblem } from "./form";

interface Props {
  /** The schema of one table. */
  schema: Schema;
  definitions: Definitions;
  /** The keys that are written; what has its default is absent. */
  value: FormTable;
  onChange(value: FormTable): void;
  problems?: readonly FormProblem[];
  /** Why a key is read-only; "" if it may be changed. */
  locked?(path: FormPath): string;
  /** Texts that are offered for a key. */
  suggestions?(path: FormPath): readonly string[];
  /** Keys that come first, also where they are not written. */
  first?: readonly string[];
  /** Words in place of keys. */
  labels?: Readonly<Record<string, string>>;
  disabled?: boolean;
}

export function SchemaForm(props: Props) {
  const { schema, definitions, value, onChange, problems = [], first = [], labels = {}, disabled = false } = props;
  const id = useId();
  const form: FormFacts = {
    id,
    definitions,
    disabled,
    labels,
    problemsAt: (path, below) => problemTexts(problems, path, below),
    lockedBy: (path) => props.locked?.(path) ?? "",
    suggestions: (path) => props.suggestions?.(path) ?? [],
    Control,
  };
  return (
    <div class="sf">
      {form.problemsAt([], false).map((text) => (
        <p key={text} class="err" role="alert">
          {text}
        </p>
      ))}
      <TableFields form={form} schema={schema} path={[]} value={value} onChange={onChange} first={first} />
    </div>
  );
}
