// Learn a route: move the control, move the target, save what is proposed.

import { useEffect } from "preact/hooks";

import { useConfiguration } from "../editing/client";
import { learning } from "../learning/learning_store";
import { Result } from "../learning/Result";
import { Step } from "../learning/Step";
import { Pending } from "../parts/Pending";
import { connection, may } from "../store";

export function Learn() {
  const allowed = may("configure");
  useEffect(() => {
    if (!allowed) return;
    connection.watch(() => ({ type: "watch_learning" }));
    return () => {
      connection.unwatch("learning");
      learning.value = null;
    };
  }, [allowed]);
  useConfiguration(allowed);
  if (!allowed) return <p class="none">Learning routes needs a token with the right configure.</p>;
  const state = learning.value;
  if (!state) return <Pending />;
  return (
    <div class="learn">
      <Step role="source" number={1} title="Move the control" hint="A fader, a knob, a button: on your controller, phone or desk." />
      <Step role="target" number={2} title="Move the target" hint="The control on the other device that should follow." />
      <Result />
    </div>
  );
}
