// A part of the page that is loaded when it is opened. A bridge of another version may not have its file any more.

import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";

import { online } from "../store";
import { Pending } from "./Pending";

interface Props {
  load(): Promise<ComponentType>;
  /** What it is, in a sentence: "view". */
  what: string;
}

export function Lazy({ load, what }: Props) {
  const found = useSignal<ComponentType | null>(null);
  const hasFailed = useSignal(false);
  useEffect(() => {
    load().then(
      (view) => (found.value = view),
      () => (hasFailed.value = true),
    );
  }, [found, hasFailed, load, online.value]);
  const Found = found.value;
  if (Found) return <Found />;
  if (!hasFailed.value) return null;
  if (!online.value) return <Pending />;
  return (
    <section class="waiting" role="alert">
      <h2>This {what} cannot be loaded.</h2>
      <p>The bridge may have another version now.</p>
      <button class="btn go" onClick={() => location.reload()}>
        Load the page again
      </button>
    </section>
  );
}
