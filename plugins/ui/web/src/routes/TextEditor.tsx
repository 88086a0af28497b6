// The files as text, with the problems of `check` in place.

import { useMemo, useState } from "preact/hooks";

import { configuration } from "../editing/client";
import { useDraft, type Draft } from "../editing/draft";
import { SaveBox } from "../editing/SaveBox";
import { Icon } from "../icons";
import type { EditWanted, FileState, ProblemState } from "../protocol";
import { baseName } from "./RouteForm";
import { open, saved } from "./routes_store";
import { TomlEditor } from "./TomlEditor";

const MAX_FILE = 524_288; // characters: the bridge takes no more
const MAX_EDITS = 1_000_000; // characters of all edits as JSON: the bridge takes 1,048,576

export function TextEditor() {
  const found = configuration.value;
  const [file, setFile] = useState(found?.files[0]?.name ?? "");
  const { texts, setTexts, edits, isLarge } = useTexts();
  const draft = useDraft(isLarge ? [] : edits);
  if (!found) return <p class="say">Reading the configuration…</p>;
  const problems = edits.length ? (draft.checked?.problems ?? []) : [];
  const original = found.files.find((each) => each.name === file)?.text ?? "";
  const change = (text: string) => {
    const others = Object.fromEntries(Object.entries(texts).filter(([name]) => name !== file));
    setTexts(text === original ? others : { ...others, [file]: text });
  };
  return (
    <section class="panel text-editor" aria-label="Configuration as text">
      <header>
        <h2>{baseName(file)}</h2>
        <span class="grow" />
        <button type="button" class="btn ghost only-icon" aria-label="Close" onClick={() => (open.value = null)}>
          <Icon name="close" />
        </button>
      </header>
      {found.files.length > 1 && <FileButtons files={found.files} texts={texts} shown={file} onShow={setFile} />}
      <TomlEditor
        key={`${file} ${found.version}`}
        text={texts[file] ?? original}
        problems={problems.filter((each) => each.file === file)}
        onChange={change}
      />
      {isLarge ? (
        <p class="say b" role="alert">
          This text is larger than 512 KiB, which is the most that this page can save: make the changes in the file itself.
        </p>
      ) : edits.length ? (
        <TextSaveBox edits={edits} draft={draft} problems={problems} forget={() => setTexts({})} />
      ) : (
        <p class="say">Ctrl-Space completes; pointing at a key explains it. Secrets are hidden, and kept when you save.</p>
      )}
    </section>
  );
}

type Texts = Readonly<Record<string, string>>;

/** The texts of files that were changed, as edits. */
function useTexts() {
  const [texts, setTexts] = useState<Texts>({});
  const edits = useMemo<readonly EditWanted[]>(
    () => Object.entries(texts).map(([name, text]) => ({ kind: "text", file: name, text })),
    [texts],
  );
  const isLarge = Object.values(texts).some((each) => each.length > MAX_FILE) || JSON.stringify(edits).length > MAX_EDITS;
  return { texts, setTexts, edits, isLarge };
}

interface FileButtonsProps {
  files: readonly FileState[];
  texts: Texts;
  shown: string;
  onShow(file: string): void;
}

function FileButtons({ files, texts, shown, onShow }: FileButtonsProps) {
  return (
    <div class="tools files">
      <div class="seg" role="group" aria-label="File">
        {files.map((each) => (
          <button key={each.name} aria-pressed={each.name === shown} onClick={() => onShow(each.name)}>
            {baseName(each.name)}
            {texts[each.name] !== undefined && <small>changed</small>}
          </button>
        ))}
      </div>
    </div>
  );
}

interface TextSaveBoxProps {
  edits: readonly EditWanted[];
  draft: Draft;
  problems: readonly ProblemState[];
  /** Drops all changes of texts. */
  forget(): void;
}

function TextSaveBox({ edits, draft, problems, forget }: TextSaveBoxProps) {
  return (
    <SaveBox
      edits={edits}
      draft={draft}
      summary="edited as text"
      problems={[...(draft.checked?.refused ?? []), ...problems.map((each) => `${each.line ? `line ${each.line}: ` : ""}${each.text}`)]}
      onSaved={(state) => {
        saved.value = state;
        forget();
      }}
      onCancel={() => {
        forget();
        open.value = null;
      }}
    />
  );
}
