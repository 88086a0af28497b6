// Drafts of whole files. Each knows the text that it began with: what others change meanwhile is kept.

import type { EditWanted, FileState } from "../protocol";

export interface TextDraft {
  text: string;
  /** The file as it was when the draft began. */
  base: string;
  /** The version of the configuration at that time. */
  version: string;
}

/** By the names of their files. */
export type TextDrafts = Readonly<Record<string, TextDraft>>;

export function textIn(files: readonly FileState[], name: string): string {
  return files.find((each) => each.name === name)?.text ?? "";
}

/** The drafts with a text that was typed; without one that is as its file was. */
export function withText(drafts: TextDrafts, name: string, text: string, files: readonly FileState[], version: string): TextDrafts {
  const draft = drafts[name] ?? { base: textIn(files, name), version };
  const others = without(drafts, (each) => each === name);
  return text === draft.base ? others : { ...others, [name]: { ...draft, text } };
}

/** The drafts as edits. `isCompared` is as if the files were the base of all: the drafts replace them. */
export function textEdits(drafts: TextDrafts, files: readonly FileState[], isCompared: boolean): readonly EditWanted[] {
  return Object.entries(drafts).map(([file, { text, base }]) => ({
    kind: "text",
    file,
    text,
    base: isCompared || base === textIn(files, file) ? null : base,
  }));
}

/** The drafts as if they had begun with the files as they are now. */
export function keptMine(drafts: TextDrafts, files: readonly FileState[]): TextDrafts {
  return Object.fromEntries(Object.entries(drafts).map(([name, each]) => [name, { ...each, base: textIn(files, name) }]));
}

/** The drafts without those of files that others have changed. */
export function keptTheirs(drafts: TextDrafts, files: readonly FileState[]): TextDrafts {
  return without(drafts, (name, { base }) => base !== textIn(files, name));
}

function without(drafts: TextDrafts, isGone: (name: string, draft: TextDraft) => boolean): TextDrafts {
  return Object.fromEntries(Object.entries(drafts).filter(([name, each]) => !isGone(name, each)));
}
