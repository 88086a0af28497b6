// The options of a bridge or an endpoint, and its removal.

import { useState } from "preact/hooks";

import { configuration, saveEdits, tableAt } from "../editing/client";
import { Icon } from "../icons";
import { useSecondPress } from "../parts/second_press";
import type { SavedState } from "../protocol";
import { online } from "../store";
import { takenNames } from "./devices_store";
import { PartForm, type PartKind } from "./PartForm";

interface OptionsProps {
  kind: PartKind;
  name: string;
  onSaved(state: SavedState, what: string): void;
  onCancel(): void;
}

export function PartOptions({ kind, name, onSaved, onCancel }: OptionsProps) {
  const written = tableAt([kind, name]);
  const isWritten = takenNames().includes(name);
  if (!configuration.value) return null;
  if (!isWritten) {
    return <p class="say dev-pad">It is not in the configuration file; a plugin or the environment has made it.</p>;
  }
  return (
    <div class="dev-pad">
      <PartForm
        kind={kind}
        name={name}
        isNew={false}
        value={written}
        onSaved={(state) => onSaved(state, "is changed.")}
        onCancel={onCancel}
      />
      <Remove kind={kind} name={name} onSaved={onSaved} />
    </div>
  );
}

/** A second press within three seconds removes it; then there is Undo. */
function Remove({ kind, name, onSaved }: Omit<OptionsProps, "onCancel">) {
  const [isAsked, setAsked] = useSecondPress();
  const [error, setError] = useState("");
  const press = async () => {
    if (!isAsked) return setAsked(true);
    try {
      const edits = [{ kind: "remove" as const, path: [kind, name] }];
      const saved = await saveEdits(configuration.value?.version ?? "", edits, `${kind} ${name} removed`);
      if (saved.error) setError(saved.error);
      else onSaved(saved, "is removed.");
    } catch (reason) {
      setError((reason as Error).message);
    }
  };
  return (
    <div class="acts">
      <button class="btn ghost" disabled={!online.value} onClick={() => void press()}>
        <Icon name="trash" />
        {isAsked ? "Press again to remove it" : `Remove ${name}`}
      </button>
      {error && <p class="err">{error}</p>}
    </div>
  );
}
