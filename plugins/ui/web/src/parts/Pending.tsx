// In place of what the bridge has not sent yet.

import { online } from "../store";

/** Says why there is nothing, where the bridge is away; otherwise it comes at once. */
export function Pending() {
  return online.value ? null : <p class="none">It appears here as soon as the bridge answers.</p>;
}
