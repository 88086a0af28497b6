// Why the list of values is empty.

import { online, pulse } from "../store";
import { isWatched } from "../values_store";

export function NoValues({ total }: { total: number }) {
  const received = pulse.value?.received ?? 0;
  if (!online.value) return <p class="none">Not connected.</p>;
  if (!isWatched.value) return null;
  if (total) return <p class="none">No address matches. Choose another sender or branch, or a shorter search.</p>;
  return (
    <p class="none">
      {received
        ? "No message has passed since this page was opened. Values appear as soon as one does."
        : "No message has arrived yet. Values appear as soon as one does."}
    </p>
  );
}
