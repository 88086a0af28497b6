// Recordings: made, listed, played, downloaded and uploaded.

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { clock, count, several } from "../format";
import { Icon, StateMark } from "../icons";
import type { PlaybackState, RecorderState, RecordingEntry } from "../protocol";
import { abandonDownload, download, upload } from "../recording/transfer";
import { cameAt, entries, recordings } from "../recording/recording_store";
import { bytes, duration } from "../recording/words";
import { queries } from "../router";
import { connection, may, online } from "../store";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 10];
const AGAIN = 3_000; // ms within which a recording is removed by a second press

type Direction = PlaybackState["direction"];

const error = signal("");
const direction = signal<Direction>("in");
/** The bridge or endpoint for all packets; empty: each has its own. */
const source = signal("");
const speed = signal(1);
const isLoop = signal(false);

type Command = Parameters<typeof connection.command>[0];

function run(command: Command): void {
  error.value = "";
  connection.command(command).catch((reason: Error) => (error.value = reason.message));
}

export function Record() {
  useEffect(() => {
    connection.watch(() => ({ type: "watch_recordings" }));
    return () => {
      connection.unwatch("recordings");
      connection.unwatch("download");
      abandonDownload();
      recordings.value = null;
    };
  }, []);
  useEffect(() => {
    if (!online.value) abandonDownload();
  }, [online.value]);
  const state = recordings.value;
  if (!state) return null;
  const allowed = may("configure") && online.value;
  return (
    <div class="tape-room">
      <div class="tape-top">
        <Recorder state={state.recorder} allowed={allowed} />
        <Player state={state.playback} allowed={allowed} />
      </div>
      {!may("configure") && <p class="say">Recording and playing need a token with the right configure.</p>}
      {error.value && (
        <p class="say b" role="alert">
          {error.value}
        </p>
      )}
      {state.notice && (
        <p class={`notice ${state.failed ? "w" : "dim"}`} role="status">
          {state.failed && <StateMark mark="warn" label={false} />}
          {state.notice}
        </p>
      )}
      <List allowed={allowed} />
      <p class="faint wrap">
        {bytes(state.free)} free · kept in {state.folder}
      </p>
    </div>
  );
}

function Recorder({ state, allowed }: { state: RecorderState | null; allowed: boolean }) {
  const [name, setName] = useState("");
  const dropped = Object.values(state?.dropped ?? {}).reduce((all, each) => all + each, 0);
  return (
    <section class={`panel tape ${state ? "runs" : ""}`} aria-label="Recorder">
      <h2>{state ? "Recording" : "Record"}</h2>
      {state ? (
        <>
          <p class="tape-name clip">{state.name}</p>
          <p class="tape-time" role="timer" aria-label="Length">
            {duration(state.seconds)}
          </p>
          <p class="dim">
            {several(state.packets, "message")} · {bytes(state.size)}
            {dropped > 0 && <span class="w"> · {count(dropped)} dropped</span>}
          </p>
          <button class="btn stop" disabled={!allowed} onClick={() => run({ type: "stop_recording" })}>
            <Icon name="stop" />
            Stop
          </button>
        </>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            run({ type: "start_recording", name });
            setName("");
          }}
        >
          <p class="dim">All messages that pass the bridge, in and out, with their times.</p>
          <label class="fld">
            <span>Name</span>
            <input
              class="in1"
              maxLength={80}
              placeholder="the date and time"
              value={name}
              disabled={!allowed}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <button class="btn rec" disabled={!allowed}>
            <Icon name="record" />
            Record
          </button>
        </form>
      )}
    </section>
  );
}

function Player({ state, allowed }: { state: PlaybackState | null; allowed: boolean }) {
  return (
    <section class={`panel tape ${state && !state.paused ? "runs" : ""}`} aria-label="Player">
      <h2>{state ? (state.paused ? "Paused" : "Playing") : "Play"}</h2>
      {state ? <Deck state={state} allowed={allowed} /> : <PlayOptions allowed={allowed} />}
    </section>
  );
}

function PlayOptions({ allowed }: { allowed: boolean }) {
  const sources = recordings.value?.sources ?? [];
  return (
    <>
      <p class="dim">What a recording plays, and how. Start it in the list.</p>
      <div class="pair">
        <label class="fld">
          <span>What</span>
          <select
            class="in1"
            value={direction.value}
            disabled={!allowed}
            onChange={(event) => (direction.value = event.currentTarget.value as Direction)}
          >
            <option value="in">What was received</option>
            <option value="out">What was sent</option>
          </select>
        </label>
        {direction.value === "in" && (
          <label class="fld">
            <span>As if received by</span>
            <select class="in1" value={source.value} disabled={!allowed} onChange={(event) => (source.value = event.currentTarget.value)}>
              <option value="">the same as before</option>
              {sources.map((each) => (
                <option key={each} value={each}>
                  {each}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <div class="line">
        <SpeedField value={speed.value} disabled={!allowed} onChange={(value) => (speed.value = value)} />
        <LoopButton on={isLoop.value} disabled={!allowed} onChange={(on) => (isLoop.value = on)} />
      </div>
    </>
  );
}

function Deck({ state, allowed }: { state: PlaybackState; allowed: boolean }) {
  // While it is dragged, the slider is where the hand is.
  const [hand, setHand] = useState<number | null>(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    if (state.paused || !online.value) return;
    const timer = window.setInterval(() => redraw(performance.now()), 100);
    return () => window.clearInterval(timer);
  }, [state.paused, online.value]);
  const passed = state.paused || !online.value ? 0 : ((performance.now() - cameAt.value) / 1_000) * state.speed;
  const length = state.seconds ?? Math.max(state.position, 1);
  const at = hand ?? Math.min(state.position + passed, length);
  return (
    <>
      <p class="tape-name clip">{state.name}</p>
      <p class="tape-time" role="timer" aria-label="Position">
        {duration(at)} <small>of {state.seconds === null ? "?" : duration(state.seconds)}</small>
      </p>
      <input
        class="seek"
        type="range"
        aria-label="Position in the recording"
        aria-valuetext={`${duration(at)} of ${duration(length)}`}
        min={0}
        max={length}
        step={Math.max(length / 1_000, 0.01)}
        value={at}
        disabled={!allowed}
        onInput={(event) => setHand(Number(event.currentTarget.value))}
        onChange={(event) => {
          run({ type: "change_playback", position: Number(event.currentTarget.value) });
          window.setTimeout(() => setHand(null), 300);
        }}
      />
      <p class="dim">
        {several(state.delivered, "message")} {state.direction === "in" ? "received again" : "sent again"}
        {state.source && ` by ${state.source}`}
        {state.rounds > 1 && ` · round ${state.rounds}`}
        {state.left_out > 0 && ` · ${count(state.left_out)} left out`}
      </p>
      <div class="line">
        <button class="btn go" disabled={!allowed} onClick={() => run({ type: "change_playback", paused: !state.paused })}>
          <Icon name={state.paused ? "play" : "pause"} />
          {state.paused ? "Go on" : "Pause"}
        </button>
        <button class="btn" disabled={!allowed} onClick={() => run({ type: "stop_playback" })}>
          <Icon name="stop" />
          Stop
        </button>
        <SpeedField value={state.speed} disabled={!allowed} onChange={(value) => run({ type: "change_playback", speed: value })} />
        <LoopButton on={state.loop} disabled={!allowed} onChange={(on) => run({ type: "change_playback", loop: on })} />
      </div>
    </>
  );
}

function SpeedField({ value, disabled, onChange }: { value: number; disabled: boolean; onChange(value: number): void }) {
  const all = SPEEDS.includes(value) ? SPEEDS : [...SPEEDS, value].sort((a, b) => a - b);
  return (
    <label class="pick-one">
      <span class="sr">Speed</span>
      <select value={value} disabled={disabled} onChange={(event) => onChange(Number(event.currentTarget.value))}>
        {all.map((each) => (
          <option key={each} value={each}>
            {each} × speed
          </option>
        ))}
      </select>
    </label>
  );
}

function LoopButton({ on, disabled, onChange }: { on: boolean; disabled: boolean; onChange(on: boolean): void }) {
  return (
    <button class="btn" aria-pressed={on} disabled={disabled} onClick={() => onChange(!on)}>
      <Icon name="loop" />
      Loop
    </button>
  );
}

// --- the list ------------------------------------------------------------------------------------

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

function List({ allowed }: { allowed: boolean }) {
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
      {!found.length && <p class="none">{entries.value.length ? "No recording has this name." : "There is no recording yet."}</p>}
    </section>
  );
}

function Row({ entry, allowed }: { entry: RecordingEntry; allowed: boolean }) {
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    if (!isAsked) return;
    const timer = window.setTimeout(() => setAsked(false), AGAIN);
    return () => window.clearTimeout(timer);
  }, [isAsked]);
  const state = recordings.value;
  const isRecorded = state?.recorder?.name === entry.name;
  const isPlayed = state?.playback?.name === entry.name;
  const isReadable = entry.started !== null;
  const play = () =>
    run({
      type: "play_recording",
      name: entry.name,
      direction: direction.value,
      source: direction.value === "in" ? source.value : "",
      speed: speed.value,
      loop: isLoop.value,
    });
  return (
    <li class={isPlayed ? "here" : ""} aria-label={entry.name}>
      <StateMark mark={isRecorded || isPlayed ? "live" : isReadable ? "idle" : "warn"} label={false} />
      <span class="nm clip" title={entry.name}>
        {entry.name}
      </span>
      <span class="dim when">{isRecorded ? "now" : entry.started === null ? "not readable" : day(entry.started)}</span>
      <span class="num len">{isRecorded ? "recording" : entry.seconds === null ? "cut off" : duration(entry.seconds)}</span>
      <span class="num dim size">{bytes(isRecorded ? (state.recorder?.size ?? 0) : entry.size)}</span>
      <span class="acts">
        <button class="btn" disabled={!allowed || !isReadable || isRecorded} aria-label={`Play ${entry.name}`} onClick={play}>
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
        <button
          class={`btn ${isAsked ? "danger" : "ghost"}`}
          disabled={!allowed || isRecorded || isPlayed}
          aria-label={isAsked ? `Remove ${entry.name}: press again` : `Remove ${entry.name}`}
          onClick={() => {
            if (isAsked) run({ type: "remove_recording", name: entry.name });
            setAsked(!isAsked);
          }}
        >
          {isAsked ? "Again" : <Icon name="trash" />}
        </button>
      </span>
    </li>
  );
}

function day(unix: number): string {
  const at = new Date(unix * 1_000);
  const isToday = at.toDateString() === new Date().toDateString();
  const date = at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
  return isToday ? `today, ${clock(unix)}` : `${date}, ${clock(unix)}`;
}
