// A small line of the last minutes.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { colour, prepared, watchTheme } from "../canvas";
import type { Series } from "../history";

interface Props {
  series: Series;
  /** Changes when there is something to draw. */
  version: ReadonlySignal<unknown>;
  length?: number;
  tone?: "accent" | "warn" | "bad" | "line-2";
  area?: boolean;
  /** The least upper end of the scale. */
  most?: number;
  /** Whether the scale begins at 0. */
  zero?: boolean;
  label?: string;
}

export function Sparkline({ series, version, length = 300, tone = "accent", area = true, most = 0, zero = true, label }: Props) {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = () => {
      if (ref.current) drawLine(ref.current, series.values(length), { tone, area, most, zero });
    };
    const ends = [version.subscribe(draw), watchTheme(draw)];
    const observer = new ResizeObserver(draw);
    if (ref.current) observer.observe(ref.current);
    return () => {
      observer.disconnect();
      for (const end of ends) end();
    };
  }, [series, version, length, tone, area, most, zero]);
  return label ? <canvas ref={ref} role="img" aria-label={label} /> : <canvas ref={ref} aria-hidden="true" />;
}

interface Look {
  tone: string;
  area: boolean;
  most: number;
  zero: boolean;
}

function drawLine(canvas: HTMLCanvasElement, values: readonly number[], look: Look): void {
  const found = prepared(canvas);
  if (!found) return;
  const { context, width, height } = found;
  const known = values.filter((each) => !Number.isNaN(each));
  const top = Math.max(look.most, ...known);
  const bottom = look.zero ? Math.min(0, ...known) : Math.min(...known);
  const range = top - bottom || 1;
  const x = (i: number) => 1 + (i / Math.max(values.length - 1, 1)) * (width - 3);
  const y = (value: number) => height - 2 - ((value - bottom) / range) * (height - 4);
  context.strokeStyle = context.fillStyle = colour(look.tone);
  context.lineWidth = 1.25;
  context.lineJoin = "round";
  let start = -1;
  const stroke = (end: number) => {
    if (start < 0) return;
    context.beginPath();
    for (let i = start; i < end; i++) context.lineTo(x(i), y(values[i] ?? 0));
    context.stroke();
    if (look.area) {
      context.lineTo(x(end - 1), height - 1);
      context.lineTo(x(start), height - 1);
      context.globalAlpha = 0.16;
      context.fill();
      context.globalAlpha = 1;
    }
    start = -1;
  };
  values.forEach((value, i) => {
    if (Number.isNaN(value)) stroke(i);
    else if (start < 0) start = i;
  });
  stroke(values.length);
}
