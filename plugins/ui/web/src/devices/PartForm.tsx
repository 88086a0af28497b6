// The form of a bridge or an endpoint: a new one, or one that is there.

import { useMemo, useState } from "preact/hooks";

import { configuration, schema } from "../editing/client";
import { problemsOf, useDraft } from "../editing/draft";
import { SaveBox } from "../editing/SaveBox";
import { useTableDraft } from "../editing/table_draft";
import { SchemaForm } from "../forms/SchemaForm";
import { kindOf, type Schema } from "../forms/schema";
import { encodeTable, type FormPath, type FormTable } from "../forms/values";
import type { EditWanted, SavedState } from "../protocol";
import { may } from "../store";
import { devices } from "./devices_store";

export type PartKind = "bridge" | "endpoint";

const FIRST: Record<PartKind, readonly string[]> = {
  bridge: ["listen", "mode", "announce", "allow"],
  endpoint: ["type", "to", "listen", "url", "broker", "device", "input", "output", "profile"],
};

const LABELS = { to: "Send to", listen: "Listen at", profile: "Device profile" };

interface Props {
  kind: PartKind;
  name: string;
  /** Whether it is not in the file yet. */
  isNew: boolean;
  /** Its table as it is in the file; of a new one, as it is proposed. */
  value: FormTable;
  onSaved(saved: SavedState, name: string): void;
  onCancel(): void;
}

/** The schema of the table of a bridge, or of an endpoint of one type. */
export function schemaOf(kind: PartKind, type: string): Schema | null {
  const found = schema.value;
  if (!found) return null;
  if (kind === "endpoint") {
    const key = `endpoint.${type}`;
    return Object.hasOwn(found.definitions, key) ? found.definitions[key]! : null;
  }
  const tables = found.properties["bridge"];
  return Object.values(tables?.patternProperties ?? {})[0] ?? null;
}

export function PartForm({ kind, name: given, isNew, value: inFile, onSaved, onCancel }: Props) {
  const [name, setName] = useState(given);
  const [value, setValue] = useTableDraft(inFile);
  const type = typeof value["type"] === "string" ? value["type"] : "";
  const found = schemaOf(kind, type);
  const edits = useMemo<readonly EditWanted[]>(() => {
    const table = encodeTable(value);
    if (isNew) return [{ kind: "add", path: [kind, name], table, position: null }];
    return [{ kind: "change", path: [kind, name], table }];
  }, [value, name, isNew, kind]);
  const draft = useDraft(edits);
  const { own, others } = problemsOf(draft, [kind, name]);
  if (!found || !configuration.value) return <p class="faint">Reading the configuration…</p>;
  const environment = configuration.value.environment;
  return (
    <form class="part-form" aria-label={isNew ? `New ${kind}` : `Options of ${name}`} onSubmit={(event) => event.preventDefault()}>
      {isNew && <PartNameField name={name} onChange={setName} />}
      <SchemaForm
        schema={found}
        definitions={schema.value?.definitions ?? {}}
        value={value}
        onChange={setValue}
        problems={own}
        locked={(path) => {
          const variable = environment[[kind, name, ...path].join(".")];
          return variable ? `Set by the environment variable ${variable}.` : "";
        }}
        suggestions={(path) => offeredTexts(found, type, path)}
        first={FIRST[kind]}
        labels={LABELS}
        disabled={!may("configure")}
      />
      <SaveBox
        edits={edits}
        draft={draft}
        summary={`${kind} ${name} ${isNew ? "added" : "changed"}`}
        problems={others}
        label={isNew ? "Add" : "Save and reload"}
        onSaved={(saved) => onSaved(saved, name)}
        onCancel={onCancel}
      />
    </form>
  );
}

/** What was found around, and the profiles, as texts for a key of an endpoint. */
function offeredTexts(table: Schema, type: string, path: FormPath): readonly string[] {
  const key = String(path[0] ?? "");
  const option = table.properties?.[key];
  const isList = option !== undefined && kindOf(option, schema.value?.definitions ?? {}).kind === "list";
  // What is found is offered for each item of a list: any other may be typed.
  if (path.length !== (isList ? 2 : 1)) return [];
  if (key === "profile") return (devices.value?.profiles ?? []).map((each) => each.name);
  return (devices.value?.found ?? []).flatMap((each) => {
    if (each.endpoint_type !== type) return [];
    const value = each.table[key] as { $toml?: string } | undefined;
    return value?.$toml?.startsWith('"') ? [JSON.parse(value.$toml) as string] : [];
  });
}

function PartNameField({ name, onChange }: { name: string; onChange(name: string): void }) {
  return (
    <div class="sf">
      <div class="sf-field set">
        <div class="sf-name">
          <label for="part-name">Name</label>
        </div>
        <div class="sf-body">
          <input
            id="part-name"
            class="in1 mono"
            value={name}
            spellcheck={false}
            autocomplete="off"
            aria-describedby="part-name-help"
            onInput={(event) => onChange(event.currentTarget.value)}
          />
          <p class="help" id="part-name-help">
            What routes and this page call it.
          </p>
        </div>
      </div>
    </div>
  );
}
