// What is played, and how.

import { useEffect, useState } from "preact/hooks";

import { count, several } from "../format";
import { Icon } from "../icons";
import type { PlaybackState } from "../protocol";
import { online } from "../store";
import { direction, isLoop, source, speed, type Direction } from "./play_options";
import { cameAt, recordings, run } from "./recording_store";
import { duration } from "./words";

const SPEEDS = [0.25, 0.5, 1, 2, 4, 10];
const SETTLE = 300; // ms after a change of the position within which the state has come, too

export function Player({ state, allowed }: { state: PlaybackState | null; allowed: boolean }) {
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
      <p class="dim">How the recordings of the list are played.</p>
      <div class="pair">
        <label class="fld">
          <span>Messages</span>
          <select
            class="in1"
            value={direction.value}
            disabled={!allowed}
            onChange={(event) => (direction.value = event.currentTarget.value as Direction)}
          >
            <option value="in">received</option>
            <option value="out">sent</option>
          </select>
        </label>
        {direction.value === "in" && (
          <label class="fld">
            <span>As if received by</span>
            <select class="in1" value={source.value} disabled={!allowed} onChange={(event) => (source.value = event.currentTarget.value)}>
              <option value="">original source</option>
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
  const { at, length, seek, release } = usePosition(state);
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
        onInput={(event) => seek(Number(event.currentTarget.value))}
        onChange={(event) => {
          run({ type: "change_playback", position: Number(event.currentTarget.value) });
          release();
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
          {state.paused ? "Resume" : "Pause"}
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

/** The position that is shown: it keeps running between two states, and is where the hand drags it. */
function usePosition(state: PlaybackState) {
  const [hand, seek] = useState<number | null>(null);
  const [, redraw] = useState(0);
  useEffect(() => {
    if (state.paused || !online.value) return;
    const timer = window.setInterval(() => redraw(performance.now()), 100);
    return () => window.clearInterval(timer);
  }, [state.paused, online.value]);
  const passed = state.paused || !online.value ? 0 : ((performance.now() - cameAt.value) / 1_000) * state.speed;
  const length = state.seconds ?? Math.max(state.position, 1);
  const at = hand ?? Math.min(state.position + passed, length);
  const release = () => window.setTimeout(() => seek(null), SETTLE);
  return { at, length, seek, release };
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
