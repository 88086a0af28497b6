// The recordings: played, downloaded, uploaded and removed.

import { signal } from "@preact/signals";

import { count, moment } from "../format";
import { Icon, StateMark } from "../icons";
import { useSecondPress } from "../parts/second_press";
import type { RecordingEntry } from "../protocol";
import { queries } from "../router";
import { direction, isLoop, source, speed } from "./play_options";
import { entries, error, recordings, run } from "./recording_store";
import { download, upload } from "./transfer";
import { bytes, duration } from "./words";

/** What is transferred, from 0 to 1; null without. */
const transfer = signal<{ text: string; share: number } | null>(null);

async function transferred(text: string, work: (progress: (share: number) => void) => Promise<void>): Promise<void> {
  error.value = "";
  transfer.value = { text, share: 0 };
  try {
    await work((share) => (transfer.value = { text, share }));
  } catch (reason) {
    error.value = (reason as Error).message;
  }
  transfer.value = null;
}

export function RecordingList({ allowed }: { allowed: boolean }) {
  const words = queries.record.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries.value.filter((each) => words.every((word) => each.name.toLowerCase().includes(word)));
  const isBusy = transfer.value !== null;
  return (
    <section class="panel tapes" aria-label="Recordings">
      <header>
        <h2>Recordings</h2>
        <span class="faint">{count(entries.value.length)}</span>
        <span class="grow" />
        <label class={`btn ${allowed && !isBusy ? "" : "off"}`}>
          <Icon name="upload" />
          Upload
          <input
            class="sr"
            type="file"
            accept=".oscrec"
            disabled={!allowed || isBusy}
            onChange={(event) => {
              const input = event.currentTarget;
              const [file] = input.files ?? [];
              if (!file) return;
              void transferred(`Uploading ${file.name}`, (progress) => upload(file, progress)).then(() => (input.value = ""));
            }}
          />
        </label>
      </header>
      {transfer.value && (
        <div class="transfer" role="status">
          <span class="clip">{transfer.value.text}</span>
          <progress max={1} value={transfer.value.share} aria-label={transfer.value.text} />
        </div>
      )}
      <ul>
        {found.map((each) => (
          <Row key={each.name} entry={each} allowed={allowed} />
        ))}
      </ul>
      {!found.length && <p class="none">{entries.value.length ? "No recording matches the search." : "No recordings yet."}</p>}
    </section>
  );
}

function Row({ entry, allowed }: { entry: RecordingEntry; allowed: boolean }) {
  const state = recordings.value;
  const isRecorded = state?.recorder?.name === entry.name;
  const isPlayed = state?.playback?.name === entry.name;
  const isReadable = entry.started !== null;
  return (
    <li class={isPlayed ? "here" : ""} aria-label={entry.name}>
      <StateMark mark={isRecorded || isPlayed ? "live" : isReadable ? "idle" : "warn"} label={false} />
      <span class="nm clip" title={entry.name}>
        {entry.name}
      </span>
      <span class="dim when">{isRecorded ? "now" : entry.started === null ? "not readable" : moment(entry.started)}</span>
      <span class="num len">{isRecorded ? "recording" : entry.seconds === null ? "cut off" : duration(entry.seconds)}</span>
      <span class="num dim size">{bytes(isRecorded ? (state.recorder?.size ?? 0) : entry.size)}</span>
      <span class="acts">
        <button class="btn" disabled={!allowed || !isReadable || isRecorded} aria-label={`Play ${entry.name}`} onClick={() => play(entry)}>
          <Icon name="play" />
          Play
        </button>
        <button
          class="btn ghost"
          disabled={!allowed || transfer.value !== null}
          aria-label={`Download ${entry.name}`}
          onClick={() => void transferred(`Downloading ${entry.name}`, (progress) => download(entry.name, progress))}
        >
          <Icon name="download" />
        </button>
        <RemoveRecordingButton name={entry.name} disabled={!allowed || isRecorded || isPlayed} />
      </span>
    </li>
  );
}

function play({ name }: RecordingEntry): void {
  run({
    type: "play_recording",
    name,
    direction: direction.value,
    source: direction.value === "in" ? source.value : "",
    speed: speed.value,
    loop: isLoop.value,
  });
}

function RemoveRecordingButton({ name, disabled }: { name: string; disabled: boolean }) {
  const [isAsked, setAsked] = useSecondPress();
  return (
    <button
      class={`btn ${isAsked ? "danger" : "ghost"}`}
      disabled={disabled}
      aria-label={isAsked ? `Remove ${name}: press again` : `Remove ${name}`}
      onClick={() => {
        if (isAsked) run({ type: "remove_recording", name });
        setAsked(!isAsked);
      }}
    >
      {isAsked ? "Remove?" : <Icon name="trash" />}
    </button>
  );
}
