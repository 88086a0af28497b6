// Large messages go in parts: the bridge reads only so much in one frame.

import type { MessagePart } from "./protocol";

const MAX_FRAME = 20_000; // characters: at most 60,000 bytes of the 65,536 that the bridge takes

/** What is sent for a message: itself, or its parts. */
export function framesOf(text: string): readonly string[] {
  if (text.length <= MAX_FRAME) return [text];
  const frames: string[] = [];
  for (let from = 0; from < text.length; ) {
    let to = Math.min(from + MAX_FRAME, text.length);
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to--;
    const part: MessagePart = { type: "part", text: text.slice(from, to), is_last: to === text.length };
    frames.push(JSON.stringify(part));
    from = to;
  }
  return frames;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
