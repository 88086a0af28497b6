// Chosen values, plotted together.

import { effect, signal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { colour, watchTheme } from "../canvas";
import { figure, visible } from "../format";
import { Icon } from "../icons";
import { PlotData, SAMPLE, SPAN, statistics } from "../plot_data";
import { now, online } from "../store";
import { isWatched, sampleOf, values, watchHistories } from "../values_store";

const LINES = [
  { tone: "accent", dash: [] },
  { tone: "text", dash: [6, 3] },
  { tone: "d2", dash: [2, 3] },
  { tone: "warn", dash: [9, 3, 2, 3] },
  { tone: "accent-2", dash: [1, 2] },
  { tone: "dim", dash: [4, 4] },
] as const;

const DRAWN = 66; // ms between two drawings
const seconds = signal(60);
const isPaused = signal(false);
/** Whether only a part of the time is shown: the plot is paused then. */
const isZoomed = signal(false);
const figures = signal<readonly { address: string; now: number | null; least: number; most: number; mean: number }[]>([]);

function lineOf(index: number) {
  return LINES[index % LINES.length]!;
}

function current(address: string): number | null {
  const row = values.get(address)?.row;
  return row && online.peek() && isWatched.peek() ? sampleOf(row) : null;
}

interface Props {
  chosen: ReadonlySignal<readonly string[]>;
  onRemove(address: string): void;
}

export function Plot({ chosen, onRemove }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const box = ref.current;
    if (!box) return;
    return drive(box, chosen);
  }, [chosen]);
  return (
    <section class="plot panel" aria-label="Plot of the chosen values">
      <div class="bar-top">
        {chosen.value.map((address, i) => (
          <span class="key" key={address}>
            <Dash index={i} />
            <span class="mono clip">{visible(address)}</span>
            <button class="x" aria-label={`Plot ${address} no longer`} onClick={() => onRemove(address)}>
              <Icon name="close" />
            </button>
          </span>
        ))}
        <span class="grow" />
        <div class="seg" role="group" aria-label="Time">
          {[60, 600].map((each) => (
            <button key={each} aria-pressed={seconds.value === each} onClick={() => (seconds.value = each)}>
              {each / 60} min
            </button>
          ))}
        </div>
        {isZoomed.value && (
          <button class="btn" onClick={() => (isZoomed.value = false)}>
            Show all of it
          </button>
        )}
        <button class="btn" aria-pressed={isPaused.value} onClick={pause}>
          <Icon name={isPaused.value ? "play" : "pause"} />
          {isPaused.value ? "Resume" : "Pause"}
        </button>
      </div>
      <div class="canvas" ref={ref} style={{ "--lanes": chosen.value.length }} />
      <table class="stats">
        <thead>
          <tr>
            <th>Chosen</th>
            <th>Now</th>
            <th>Lowest</th>
            <th>Highest</th>
            <th>Mean</th>
          </tr>
        </thead>
        <tbody>
          {figures.value.map((each, i) => (
            <tr key={each.address}>
              <th scope="row">
                <Dash index={i} />
                <span class="mono">{visible(each.address)}</span>
              </th>
              <td>{each.now === null ? "–" : figure(each.now, each.most - each.least)}</td>
              <td>{figure(each.least, each.most - each.least)}</td>
              <td>{figure(each.most)}</td>
              <td>{figure(each.mean)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="faint desk hint">Drag over the plot to look closer.</p>
    </section>
  );
}

function pause(): void {
  isPaused.value = !isPaused.value;
  isZoomed.value = false;
}

function Dash({ index }: { index: number }) {
  const { tone, dash } = lineOf(index);
  return (
    <svg class={`dash t-${tone}`} viewBox="0 0 24 8" aria-hidden="true">
      <path d="M0 4h24" stroke="currentColor" stroke-width="2" stroke-dasharray={dash.join(" ")} />
    </svg>
  );
}

/** Samples, draws and sizes the plot until the returned function is called. */
function drive(box: HTMLElement, chosen: ReadonlySignal<readonly string[]>): () => void {
  const data = new PlotData();
  let plot: uPlot | null = null;
  let frame = 0;
  let sampledAt = 0;
  let drawnAt = 0;
  const make = () => {
    plot?.destroy();
    isZoomed.value = false;
    plot = new uPlot(options(box, data.addresses), data.table(seconds.peek()) as uPlot.AlignedData, box);
  };
  const endChoice = effect(() => {
    const addresses = chosen.value;
    data.begin(now(), SPAN);
    data.choose(addresses, (address, time) => values.get(address)?.series.at(time) ?? null);
    make();
  });
  const draw = () => {
    const table = data.table(seconds.peek());
    plot?.setData(table as uPlot.AlignedData);
    figures.value = data.addresses.map((address, i) => ({
      address,
      now: current(address),
      ...(statistics(table[i + 1] ?? []) ?? { least: 0, most: 0, mean: 0 }),
    }));
  };
  const turn = (at: number) => {
    frame = requestAnimationFrame(turn);
    if (at - sampledAt >= SAMPLE * 1_000) {
      sampledAt = at;
      data.add(now(), current);
    }
    const pixel = (seconds.peek() * 1_000) / Math.max(box.clientWidth, 1); // ms: nothing moves meanwhile
    if (at - drawnAt >= Math.max(DRAWN, pixel) && !isPaused.peek()) {
      drawnAt = at;
      draw();
    }
  };
  frame = requestAnimationFrame(turn);
  const endSpan = effect(() => {
    void seconds.value;
    isZoomed.value = false;
    draw();
  });
  const endZoom = effect(() => {
    if (!isZoomed.value) draw(); // which shows the whole time
  });
  const observer = new ResizeObserver(() => {
    if (plot && box.clientWidth) plot.setSize({ width: box.clientWidth, height: box.clientHeight });
  });
  observer.observe(box);
  const endTheme = watchTheme(make);
  const endHistories = watchHistories(({ address, samples }) => {
    data.fill(address, now(), samples);
    if (!isPaused.peek()) draw();
  });
  return () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    endTheme();
    endHistories();
    endChoice();
    endSpan();
    endZoom();
    plot?.destroy();
    isPaused.value = isZoomed.value = false;
  };
}

/** Each value has a lane and a scale of its own: figures of different kinds can be compared. */
function options(box: HTMLElement, addresses: readonly string[]): uPlot.Options {
  const size = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.6875;
  const font = `${size}px ${getComputedStyle(document.body).fontFamily}`;
  const spans = addresses.map(() => ({ least: 0, most: 1 }));
  const scales: uPlot.Scales = { x: { time: false } };
  addresses.forEach((_, i) => {
    scales[`y${i}`] = {
      range: (_plot, low, high) => laneOf(spans[i]!, i, addresses.length, low, high),
    };
  });
  return {
    width: box.clientWidth || 300,
    height: box.clientHeight || 160,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: true, y: false } },
    scales,
    axes: [
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
    ],
    series: [
      {},
      ...addresses.map((label, i) => ({
        label,
        scale: `y${i}`,
        stroke: () => colour(lineOf(i).tone),
        dash: [...lineOf(i).dash],
        width: 1.5,
        spanGaps: false,
        points: { show: false },
      })),
    ],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width > 0) isPaused.value = isZoomed.value = true;
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

interface Span {
  least: number;
  most: number;
}

const GAP = 0.2; // of a lane, between two of them

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
