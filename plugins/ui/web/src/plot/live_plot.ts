// The canvas of the plot: it samples the chosen values, draws them, and follows the size of its box.

import { effect, type ReadonlySignal } from "@preact/signals";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { watchTheme } from "../canvas";
import { now, online } from "../store";
import { isWatched, sampleOf, values, watchHistories } from "../values_store";
import { PlotData, SAMPLE, SPAN, statistics } from "./plot_data";
import { plotOptions } from "./plot_options";
import { figures, isPaused, isZoomed, seconds } from "./plot_store";

const DRAWN = 66; // ms between two drawings

/** The value of an address as it is now; null if that is not known. */
function current(address: string): number | null {
  const row = values.get(address)?.row;
  return row && online.peek() && isWatched.peek() ? sampleOf(row) : null;
}

/** A value that this page has seen earlier. */
function earlier(address: string, time: number): number | null {
  return values.get(address)?.series.at(time) ?? null;
}

/** Samples, draws and sizes the plot from its construction until `end`. */
export class LivePlot {
  private readonly data = new PlotData();
  private plot: uPlot | null = null;
  private frame = 0;
  private sampledAt = 0;
  private drawnAt = 0;
  private readonly ends: readonly (() => void)[];

  constructor(
    private readonly box: HTMLElement,
    private readonly chosen: ReadonlySignal<readonly string[]>,
  ) {
    const endChoice = effect(() => this.choose());
    this.frame = requestAnimationFrame(this.turn);
    const endSpan = effect(() => {
      void seconds.value;
      isZoomed.value = false;
      this.draw();
    });
    const endZoom = effect(() => {
      if (!isZoomed.value) this.draw(); // which shows the whole time
    });
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(box);
    const endTheme = watchTheme(() => this.make());
    const endHistories = watchHistories(({ address, samples }) => {
      this.data.fill(address, now(), samples);
      if (!isPaused.peek()) this.draw();
    });
    this.ends = [() => observer.disconnect(), endTheme, endHistories, endChoice, endSpan, endZoom];
  }

  end(): void {
    cancelAnimationFrame(this.frame);
    for (const end of this.ends) end();
    this.plot?.destroy();
    isPaused.value = isZoomed.value = false;
  }

  private choose(): void {
    const addresses = this.chosen.value;
    this.data.begin(now(), SPAN);
    this.data.choose(addresses, earlier);
    this.make();
  }

  /** Makes the plot again: its lines and colours are fixed from then on. */
  private make(): void {
    this.plot?.destroy();
    isZoomed.value = false;
    const options = plotOptions(this.box, this.data.addresses, () => {
      isPaused.value = isZoomed.value = true;
    });
    this.plot = new uPlot(options, this.data.table(seconds.peek()) as uPlot.AlignedData, this.box);
  }

  private draw(): void {
    const table = this.data.table(seconds.peek());
    this.plot?.setData(table as uPlot.AlignedData);
    figures.value = this.data.addresses.map((address, i) => ({
      address,
      now: current(address),
      ...(statistics(table[i + 1] ?? []) ?? { least: 0, most: 0, mean: 0 }),
    }));
  }

  private readonly turn = (at: number): void => {
    this.frame = requestAnimationFrame(this.turn);
    if (at - this.sampledAt >= SAMPLE * 1_000) {
      this.sampledAt = at;
      this.data.add(now(), current);
    }
    const pixel = (seconds.peek() * 1_000) / Math.max(this.box.clientWidth, 1); // ms: nothing moves meanwhile
    if (at - this.drawnAt >= Math.max(DRAWN, pixel) && !isPaused.peek()) {
      this.drawnAt = at;
      this.draw();
    }
  };

  private resize(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (this.plot && width) this.plot.setSize({ width, height });
  }
}
