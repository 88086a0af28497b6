// How uPlot draws the chosen values: each in a lane with its own scale, by age.

import type uPlot from "uplot";

import { colour } from "../canvas";
import { figure } from "../format";
import { lineOf } from "./plot_store";

const GAP = 0.2; // of a lane, between two of them

/** The range of a value that is drawn. */
interface Span {
  least: number;
  most: number;
}

/** Each value has a lane and a scale of its own: figures of different kinds can be compared. */
export function plotOptions(box: HTMLElement, addresses: readonly string[], zoomed: () => void): uPlot.Options {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.6875;
  const font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const spans = addresses.map(() => ({ least: 0, most: 1 }));
  return {
    width: box.clientWidth || 300,
    height: box.clientHeight || 160,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: true, y: false } },
    scales: scalesOf(spans),
    axes: axesOf(font),
    series: [{}, ...addresses.map(seriesOf)],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width > 0) zoomed();
        },
      ],
      draw: [
        (plot) => {
          spans.forEach((span, i) => drawLane(plot, span, i, font));
        },
      ],
    },
  };
}

function scalesOf(spans: readonly Span[]): uPlot.Scales {
  const scales: uPlot.Scales = { x: { time: false } };
  spans.forEach((span, i) => {
    scales[`y${i}`] = { range: (_plot, low, high) => laneOf(span, i, spans.length, low, high) };
  });
  return scales;
}

/** The axis of the ages, and room at the side for the figures of the lanes. */
function axesOf(font: string): uPlot.Axis[] {
  return [
    {
      stroke: () => colour("faint"),
      font,
      size: 24,
      grid: { stroke: () => colour("line"), width: 1 },
      ticks: { show: false },
      splits: (plot, _axis, low, high) => ticksOf(lastOf(plot), low, high),
      values: (plot, ticks) => ticks.map((each) => ageText(lastOf(plot) - each)),
    },
    { show: true, scale: "y0", size: 52, grid: { show: false }, ticks: { show: false }, values: () => [] },
  ];
}

function seriesOf(label: string, index: number): uPlot.Series {
  return {
    label,
    scale: `y${index}`,
    stroke: () => colour(lineOf(index).tone),
    dash: [...lineOf(index).dash],
    width: 1.5,
    spanGaps: false,
    points: { show: false },
  };
}

/** The range of a scale at which its line is drawn in its lane. */
function laneOf(span: Span, lane: number, lanes: number, low: number | null, high: number | null): [number, number] {
  span.least = Math.min(low ?? 0, 0);
  span.most = Math.max(high ?? 1, span.least + 1e-9, low === high ? (high ?? 1) + 1e-9 : -Infinity);
  if (span.least === 0 && span.most <= 1) span.most = 1;
  const step = (span.most - span.least) * (1 + GAP);
  return [span.least - step * (lanes - 1 - lane), span.most + step * lane];
}

function drawLane(plot: uPlot, span: Span, index: number, font: string): void {
  const { ctx } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.font = font.replace(/^[\d.]+/, (each) => String(parseFloat(each) * ratio));
  ctx.fillStyle = colour("faint");
  ctx.strokeStyle = colour("line");
  ctx.lineWidth = ratio;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const value of [span.least, span.most]) {
    const y = Math.round(plot.valToPos(value, `y${index}`, true));
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
    ctx.fillText(figure(value), plot.bbox.left - 8 * ratio, y);
  }
  ctx.restore();
}

function lastOf(plot: uPlot): number {
  return plot.data[0].at(-1) ?? 0;
}

/** Times of round ages. */
function ticksOf(end: number, low: number, high: number): number[] {
  const span = high - low;
  const step = [1, 2, 5, 10, 30, 60, 120].find((each) => span / each <= 8) ?? 300;
  const found: number[] = [];
  for (let at = end - Math.ceil((end - high) / step) * step; at >= low; at -= step) found.unshift(at);
  return found;
}

function ageText(age: number): string {
  if (age < 0.5) return "now";
  return age < 100 ? `\u2212${Math.round(age)} s` : `\u2212${Math.round(age / 60)} min`;
}
