// Large messages go in parts: the bridge reads only so much in one frame.

import { MAX_LARGE, type MessagePart } from "./protocol";

const MAX_FRAME = 20_000; // characters: at most 60,000 bytes of the 65,536 that the bridge takes

/** Why the bridge would not read a message; "" if it does. */
export function whyTooLarge(text: string, takesParts: boolean): string {
  if (text.length > MAX_LARGE) return `This is too large: the bridge takes at most ${MAX_LARGE.toLocaleString("en")} characters.`;
  if (text.length <= MAX_FRAME || takesParts) return "";
  return `This is too large: without the right configure, the bridge takes at most ${MAX_FRAME.toLocaleString("en")} characters.`;
}

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
