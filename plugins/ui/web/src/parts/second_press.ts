// Something that cannot be taken back needs a second press on the same button.

import { useEffect, useState } from "preact/hooks";

const AGAIN = 3_000; // ms for the second press

/** Whether the first press was made, and how to say so. */
export function useSecondPress(): [boolean, (isAsked: boolean) => void] {
  const [isAsked, setAsked] = useState(false);
  useEffect(() => {
    if (!isAsked) return;
    const timer = window.setTimeout(() => setAsked(false), AGAIN);
    return () => window.clearTimeout(timer);
  }, [isAsked]);
  return [isAsked, setAsked];
}
