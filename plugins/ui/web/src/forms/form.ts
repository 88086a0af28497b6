// What all fields of one form share.

import type { ComponentType } from "preact";

import type { Definitions, Schema } from "./schema";
import type { FormPath, FormValue } from "./values";

/** Something wrong with one key: shown under its field. */
export interface FormProblem {
  readonly path: FormPath;
  readonly text: string;
}

/** One form: what its fields ask it. */
export interface FormFacts {
  readonly id: string;
  readonly definitions: Definitions;
  readonly disabled: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** The problems of exactly this path, or of what has no field of its own below it. */
  problemsAt(path: FormPath, below: boolean): readonly string[];
  /** Why a key is read-only; "" if it may be changed. */
  lockedBy(path: FormPath): string;
  /** Texts that are offered for a key. */
  suggestions(path: FormPath): readonly string[];
  /** The control of a value of any kind, for fields and for controls that contain others. */
  readonly Control: ComponentType<ControlProps>;
}

/** One control: the value that it shows and changes. */
export interface ControlProps {
  form: FormFacts;
  schema: Schema;
  path: FormPath;
  value: FormValue | undefined;
  onChange(value: FormValue | undefined): void;
  id: string;
  label: string;
  described: string;
  invalid: boolean;
  disabled: boolean;
  required: boolean;
}

export function isBelow(path: FormPath, parent: FormPath): boolean {
  return path.length >= parent.length && parent.every((each, index) => String(path[index]) === String(each));
}

/** The texts of the problems of a path. */
export function problemTexts(problems: readonly FormProblem[], path: FormPath, below: boolean): readonly string[] {
  return problems
    .filter((each) => isBelow(each.path, path) && (below || each.path.length === path.length))
    .map((each) => each.text);
}

/** The id of an element for a path. */
export function idOf(form: FormFacts, path: FormPath): string {
  return `${form.id}-${path.join("-").replace(/[^\w-]/g, "_")}`;
}
