// An editor of TOML: completion, help on hover, and problems in place. It lives in a shadow root,
// where CodeMirror's styles need no inline code.

import { autocompletion, closeBrackets, completionKeymap, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { toml } from "@codemirror/legacy-modes/mode/toml";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers, tooltips } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "preact/hooks";

import { readSchema, schema } from "../editing/client";
import type { ProblemState } from "../protocol";
import { may } from "../store";
import { partNames } from "./routes_store";
import { headerAt, helpOf, keysOf, tableSchema, valuesOf } from "./toml_help";

const NAMES = ["from", "to"];

interface Props {
  text: string;
  problems: readonly ProblemState[];
  onChange(text: string): void;
}

export function TomlEditor({ text, problems, onChange }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const change = useRef(onChange);
  change.current = onChange;
  useEffect(() => {
    const root = host.current!.shadowRoot ?? host.current!.attachShadow({ mode: "open" });
    const parent = document.createElement("div");
    root.append(parent);
    const made = new EditorView({
      parent,
      root,
      state: EditorState.create({ doc: text, extensions: extensions((value) => change.current(value)) }),
    });
    view.current = made;
    return () => {
      made.destroy();
      parent.remove();
    };
  }, []);
  useEffect(() => {
    const editor = view.current;
    if (editor) editor.dispatch(setDiagnostics(editor.state, problems.map((each) => diagnostic(editor.state, each))));
  }, [problems]);
  return <div ref={host} class="cm-host" />;
}

function diagnostic(state: EditorState, problem: ProblemState): Diagnostic {
  const line = state.doc.line(Math.min(Math.max(problem.line, 1), state.doc.lines));
  const from = line.from + (line.text.length - line.text.trimStart().length);
  return { from, to: Math.max(line.to, from), severity: "error", message: problem.text };
}

function extensions(changed: (text: string) => void) {
  return [
    lineNumbers(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    closeBrackets(),
    lintGutter(),
    EditorState.readOnly.of(!may("configure")),
    StreamLanguage.define(toml),
    syntaxHighlighting(COLOURS),
    autocompletion({ override: [complete] }),
    hoverTooltip(help),
    tooltips({ position: "absolute" }),
    keymap.of([...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
    EditorView.contentAttributes.of({ "aria-label": "Text of the configuration file" }),
    EditorView.lineWrapping,
    EditorView.updateListener.of((update) => {
      if (update.docChanged) changed(update.state.doc.toString());
    }),
    THEME,
  ];
}

const COLOURS = HighlightStyle.define([
  { tag: tags.comment, color: "var(--faint)", fontStyle: "italic" },
  { tag: tags.string, color: "var(--accent)" },
  { tag: [tags.number, tags.atom, tags.bool], color: "var(--d2)" },
  { tag: tags.propertyName, color: "var(--text)" },
  { tag: [tags.bracket, tags.operator], color: "var(--dim)" },
]);

const THEME = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--field)", fontSize: "13px", maxHeight: "34rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", minHeight: "16rem" },
  ".cm-gutters": { backgroundColor: "var(--field)", color: "var(--faint)", border: "0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--raised) 60%, transparent)" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--fill)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line-2)", borderRadius: "5px", maxWidth: "30rem", zIndex: "10" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--fill)", color: "var(--text)" },
  ".cm-tooltip .help": { padding: ".5rem .75rem", fontFamily: "var(--sans)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)" },
});

function linesOf(state: EditorState): string[] {
  return state.doc.toString().split("\n");
}

async function complete(context: CompletionContext): Promise<CompletionResult | null> {
  const document = schema.value ?? (await readSchema());
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  if (before.includes("#")) return null;
  const lines = linesOf(context.state);
  const { definitions } = document;
  const header = /^\s*\[\[?([\w.-]*)$/.exec(before);
  if (header) {
    const options = ["[route]]", "bridge.", "endpoint.", "variables]", "[test]]"].map((label) => ({ label, type: "namespace" }));
    return { from: context.pos - header[1]!.length, options };
  }
  const table = tableSchema(document, lines, line.number - 1);
  const value = /^\s*([\w-]+)\s*=\s*(?:\[[^\]]*)?("?[^"\s,[]*)$/.exec(before);
  if (value) {
    const key = value[1]!;
    let found = valuesOf(table?.properties?.[key], definitions);
    if (headerAt(lines, line.number - 1)[0] === "route" && NAMES.includes(key)) {
      found = partNames(key as "from" | "to").map((each) => JSON.stringify(each));
    }
    if (!found.length) return null;
    return { from: context.pos - value[2]!.length, options: found.map((label) => ({ label, type: "constant" })) };
  }
  const key = /^\s*([\w-]*)$/.exec(before);
  if (!key || (!key[1] && !context.explicit)) return null;
  return {
    from: context.pos - key[1]!.length,
    options: keysOf(table, definitions).map((each) => ({
      label: each.key,
      apply: `${each.key} = `,
      detail: each.detail.slice(0, 40),
      info: each.text,
      type: "property",
    })),
  };
}

const help = async (view: EditorView, position: number) => {
  const document = schema.value ?? (await readSchema());
  const line = view.state.doc.lineAt(position);
  const found = /^\s*([\w-]+)\s*=/.exec(line.text);
  if (!found || position > line.from + found[0].length) return null;
  const table = tableSchema(document, linesOf(view.state), line.number - 1);
  const known = table?.properties?.[found[1]!];
  if (!known) return null;
  const about = helpOf(found[1]!, known, document.definitions);
  return {
    pos: line.from,
    end: line.from + found[0].length,
    above: true,
    create: () => {
      const dom = window.document.createElement("div");
      dom.className = "help";
      dom.textContent = [about.text, about.detail && `(${about.detail})`].filter(Boolean).join(" ");
      return { dom };
    },
  };
};
