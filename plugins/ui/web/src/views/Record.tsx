// Recordings: made, listed, played, downloaded and uploaded.

import { useEffect } from "preact/hooks";

import { StateMark } from "../icons";
import { Pending } from "../parts/Pending";
import { Player } from "../recording/Player";
import { Recorder } from "../recording/Recorder";
import { RecordingList } from "../recording/RecordingList";
import { error, recordings } from "../recording/recording_store";
import { abandonDownload } from "../recording/transfer";
import { bytes } from "../recording/words";
import { connection, may, online } from "../store";

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
  if (!state) return <Pending />;
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
      <RecordingList allowed={allowed} />
      <p class="faint wrap">
        {bytes(state.free)} free · kept in {state.folder}
      </p>
    </div>
  );
}
