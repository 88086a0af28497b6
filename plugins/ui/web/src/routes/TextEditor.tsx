// The files as text, with the problems of `check` in place.

import { useEffect, useMemo, useState } from "preact/hooks";

import { configuration, readConfiguration } from "../editing/client";
import { useDraft, type Draft } from "../editing/draft";
import { Diff, SaveBox } from "../editing/SaveBox";
import { Icon, StateMark } from "../icons";
import type { EditWanted, FileState, ProblemState } from "../protocol";
import { baseName } from "./RouteForm";
import { open, saved } from "./routes_store";
import { keptMine, keptTheirs, textEdits, textIn, withText, type TextDrafts } from "./text_drafts";
import { TomlEditor } from "./TomlEditor";

const MAX_FILE = 524_288; // characters: the bridge takes no more
const MAX_EDITS = 1_000_000; // characters of all edits as JSON: the bridge takes 1,048,576

export function TextEditor() {
  const found = configuration.value;
  const [file, setFile] = useState(found?.files[0]?.name ?? "");
  const texts = useTextDrafts();
  if (!found) return <p class="say">Reading the configuration…</p>;
  const { drafts, edits } = texts;
  const own = drafts[file];
  const problems = edits.length ? (texts.draft.checked?.problems ?? []) : [];
  return (
    <section class="panel text-editor" aria-label="Configuration as text">
      <header>
        <h2>{baseName(file)}</h2>
        <span class="grow" />
        <button type="button" class="btn ghost only-icon" aria-label="Close" onClick={() => (open.value = null)}>
          <Icon name="close" />
        </button>
      </header>
      {found.files.length > 1 && <FileButtons files={found.files} drafts={drafts} shown={file} onShow={setFile} />}
      <TomlEditor
        key={`${file} ${own?.version ?? found.version}`}
        text={own?.text ?? textIn(found.files, file)}
        problems={problems.filter((each) => each.file === file)}
        onChange={(text) => texts.change(withText(drafts, file, text, found.files, found.version))}
      />
      <BelowText texts={texts} files={found.files} problems={problems} />
    </section>
  );
}

/** What can be done with the drafts. */
function BelowText({ texts, files, problems }: { texts: Texts; files: readonly FileState[]; problems: readonly ProblemState[] }) {
  const { drafts, edits, draft, choose } = texts;
  if (texts.isLarge) {
    return (
      <p class="say b" role="alert">
        This text is larger than 512 KiB, which is the most that this page can save: make the changes in the file itself.
      </p>
    );
  }
  if (!edits.length) {
    return <p class="say">Ctrl-Space completes; pointing at a key explains it. Secrets are hidden, and kept when you save.</p>;
  }
  if (texts.isCompared) {
    return <Conflict draft={draft} onMine={() => choose(keptMine(drafts, files))} onTheirs={() => choose(keptTheirs(drafts, files))} />;
  }
  return <TextSaveBox edits={edits} draft={draft} problems={problems} forget={() => choose({})} />;
}

/** Both this page and others have changed the same lines of a file. */
function Conflict({ draft, onMine, onTheirs }: { draft: Draft; onMine(): void; onTheirs(): void }) {
  const diff = draft.checked?.diff;
  const isWaiting = draft.isChecking || draft.checked?.conflict;
  return (
    <div class="save-box" role="group" aria-label="Changed elsewhere">
      <p class="note-line w" role="alert">
        <StateMark mark="warn" label={false} />
        <span class="grow">The same lines were changed elsewhere. This is the difference between the file as it is now and your text.</span>
      </p>
      {draft.error && !draft.checked?.conflict && <p class="err">{draft.error}</p>}
      {diff && <Diff text={diff} />}
      <div class="acts">
        <button type="button" class="btn" disabled={isWaiting} onClick={onTheirs}>
          Take theirs
        </button>
        <button type="button" class="btn" disabled={isWaiting} onClick={onMine}>
          Keep mine
        </button>
      </div>
    </div>
  );
}

interface Texts {
  drafts: TextDrafts;
  edits: readonly EditWanted[];
  draft: Draft;
  isLarge: boolean;
  /** Whether the drafts are compared with files that were changed in the same places. */
  isCompared: boolean;
  change(drafts: TextDrafts): void;
  /** Ends the comparison with these drafts. */
  choose(drafts: TextDrafts): void;
}

/** The drafts of all files, as edits, and what the bridge says of them. */
function useTextDrafts(): Texts {
  const files = configuration.value?.files ?? NONE;
  const [drafts, setDrafts] = useState<TextDrafts>({});
  const [isCompared, setCompared] = useState(false);
  const edits = useMemo(() => textEdits(drafts, files, isCompared), [drafts, files, isCompared]);
  const isLarge = Object.values(drafts).some(({ text }) => text.length > MAX_FILE) || JSON.stringify(edits).length > MAX_EDITS;
  const draft = useDraft(isLarge ? [] : edits);
  const { checked } = draft;
  useEffect(() => {
    if (!checked?.conflict) return;
    setCompared(true);
    readConfiguration().catch(() => undefined); // the connection is lost: it is read when the bridge is back
  }, [checked]);
  const choose = (next: TextDrafts) => {
    setDrafts(next);
    setCompared(false);
  };
  const change = (next: TextDrafts) => (Object.keys(next).length ? setDrafts(next) : choose(next));
  return { drafts, edits, draft, isLarge, isCompared, change, choose };
}

const NONE: readonly FileState[] = [];

interface FileButtonsProps {
  files: readonly FileState[];
  drafts: TextDrafts;
  shown: string;
  onShow(file: string): void;
}

function FileButtons({ files, drafts, shown, onShow }: FileButtonsProps) {
  return (
    <div class="tools files">
      <div class="seg" role="group" aria-label="File">
        {files.map((each) => (
          <button key={each.name} aria-pressed={each.name === shown} onClick={() => onShow(each.name)}>
            {baseName(each.name)}
            {drafts[each.name] && <small>changed</small>}
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
