// What is recorded.

import { useState } from "preact/hooks";

import { count, several } from "../format";
import { Icon } from "../icons";
import type { RecorderState } from "../protocol";
import { run } from "./recording_store";
import { bytes, duration } from "./words";

export function Recorder({ state, allowed }: { state: RecorderState | null; allowed: boolean }) {
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
