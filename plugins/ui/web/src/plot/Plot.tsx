// Chosen values, plotted together.

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { figure, visible } from "../format";
import { Icon } from "../icons";
import { LivePlot } from "./live_plot";
import { figures, isPaused, isZoomed, lineOf, pause, seconds } from "./plot_store";

interface Props {
  chosen: ReadonlySignal<readonly string[]>;
  onRemove(address: string): void;
}

export function Plot({ chosen, onRemove }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!ref.current) return;
    const plot = new LivePlot(ref.current, chosen);
    return () => plot.end();
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
        <TimeButtons />
      </div>
      <div class="canvas" ref={ref} style={{ "--lanes": chosen.value.length }} />
      <StatisticsTable />
      <p class="faint desk hint">Drag over the plot to look closer.</p>
    </section>
  );
}

/** How much time is shown, and whether it is paused. */
function TimeButtons() {
  return (
    <>
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
    </>
  );
}

function StatisticsTable() {
  return (
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
  );
}

function Dash({ index }: { index: number }) {
  const { tone, dash } = lineOf(index);
  return (
    <svg class={`dash t-${tone}`} viewBox="0 0 24 8" aria-hidden="true">
      <path d="M0 4h24" stroke="currentColor" stroke-width="2" stroke-dasharray={dash.join(" ")} />
    </svg>
  );
}
