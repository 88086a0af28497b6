// One control of the surface: it sends, and follows the device.

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";

import { figure, plain } from "../format";
import { Fader } from "../parts/Fader";
import type { Scale } from "../parts/hand";
import { Pad } from "../parts/Pad";
import { ColourControl, MenuControl, TextControl } from "../parts/ValueControl";
import type { Widget } from "../protocol";
import { Sender } from "../sending";
import { may, online } from "../store";
import { knownAddresses, values } from "../values_store";
import { PadButton } from "./PadButton";
import type { Scalar } from "./pinning";

/** What a control knows of its value. */
interface Live {
  args: readonly Scalar[];
  types: string;
}

function useLive(address: string): Live | undefined {
  const value = values.get(address);
  if (!value) {
    void knownAddresses.value; // it may come
    return undefined;
  }
  void value.version.value;
  return value.row;
}

interface Props {
  widget: Widget;
  /** While pages are arranged nothing is sent. */
  isArranged: boolean;
}

export function WidgetView({ widget, isArranged }: Props) {
  const live = useLive(widget.address);
  const [error, setError] = useState("");
  const types = useMemo(() => ({ now: "" }), []);
  types.now = live?.types ?? widget.types;
  const sender = useMemo(() => new Sender(widget.address, () => types.now, setError), [widget.address, types]);
  sender.target = widget.target
    ? { name: widget.target, received: widget.received, label: "" }
    : undefined;
  const disabled = isArranged || !online.value || !may("send") || !widget.target;
  return (
    <div class="w-in">
      <Body widget={widget} live={live} sender={sender} types={types} disabled={disabled} />
      {error && (
        <p class="w-error" role="alert" title={error}>
          {error}
        </p>
      )}
    </div>
  );
}

interface BodyProps {
  widget: Widget;
  live: Live | undefined;
  sender: Sender;
  types: { now: string };
  disabled: boolean;
}

function Body({ widget, live, sender, types, disabled }: BodyProps) {
  const label = widget.label || widget.address;
  const first = live?.args[0];
  switch (widget.kind) {
    case "fader":
      return <FaderStrip widget={widget} live={live} sender={sender} disabled={disabled} />;
    case "button":
      return <PadButton widget={widget} value={first} sender={sender} types={types} disabled={disabled} />;
    case "xy": {
      const scale = scaleOf(widget, live?.types ?? widget.types);
      const at = [numberOf(first), numberOf(live?.args[1])] as const;
      const device = [at[0] ?? widget.least, at[1] ?? widget.least] as const;
      return (
        <Strip widget={widget} figure={at[0] === undefined ? "–" : device.map((each) => figure(each, widget.most - widget.least)).join(", ")}>
          <Pad label={label} device={device} scales={[scale, scale]} disabled={disabled} onMove={(x, y) => sender.send([x, y])} />
        </Strip>
      );
    }
    case "menu":
      return (
        <Strip widget={widget}>
          <MenuControl
            label={label}
            value={first}
            choices={widget.choices}
            disabled={disabled}
            send={(choice) => sender.send([choice])}
          />
        </Strip>
      );
    case "colour":
      return (
        <Strip widget={widget}>
          <ColourControl
            label={label}
            colour={typeof first === "string" ? first : "#000000ff"}
            disabled={disabled}
            send={(colour) => sender.send([colour])}
          />
        </Strip>
      );
    case "meter":
      return <Meter widget={widget} value={numberOf(first)} />;
    case "text":
      return <TextBox widget={widget} live={live} sender={sender} disabled={disabled} />;
    case "label":
      return <p class="w-label">{widget.label || "Text"}</p>;
  }
}

function numberOf(value: Scalar | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}

/** A number with as many digits as its range needs. */
function shownNumber({ least, most }: Widget, value: number | undefined): string {
  return value === undefined ? "–" : figure(value, most - least);
}

function scaleOf(widget: Widget, types: string): Scale {
  return { least: widget.least, most: widget.most, whole: /^[ih]/.test(types) };
}

interface StripProps {
  widget: Widget;
  figure?: string;
  children: ComponentChildren;
}

/** The name above, the control, and the figure below. */
function Strip({ widget, figure: text, children }: StripProps) {
  return (
    <>
      <p class="w-name clip">{widget.label || widget.address}</p>
      <div class="w-body">{children}</div>
      {text !== undefined && (
        <p class="w-figure">
          {text} {widget.unit && <small>{widget.unit}</small>}
        </p>
      )}
    </>
  );
}

interface ControlProps {
  widget: Widget;
  live: Live | undefined;
  sender: Sender;
  disabled: boolean;
}

function FaderStrip({ widget, live, sender, disabled }: ControlProps) {
  const device = numberOf(live?.args[0]);
  const scale = scaleOf(widget, live?.types ?? widget.types);
  return (
    <Strip widget={widget} figure={shownNumber(widget, device)}>
      <Fader
        label={widget.label || widget.address}
        device={device ?? scale.least}
        known={device !== undefined}
        scale={scale}
        vertical={widget.h >= widget.w}
        disabled={disabled}
        onMove={(value) => sender.send([value])}
      />
    </Strip>
  );
}

function Meter({ widget, value }: { widget: Widget; value: number | undefined }) {
  const size = widget.most - widget.least || 1;
  const at = Math.min(Math.max(((value ?? widget.least) - widget.least) / size, 0), 1);
  const isHigh = widget.h >= widget.w;
  const length = `${(at * 100).toFixed(1)}%`;
  return (
    <Strip widget={widget} figure={shownNumber(widget, value)}>
      <div
        class={`w-meter ${isHigh ? "high" : "wide"} ${at > 0.95 ? "hot" : ""}`}
        role="meter"
        aria-label={widget.label || widget.address}
        aria-valuemin={plain(widget.least)}
        aria-valuemax={plain(widget.most)}
        aria-valuenow={plain(value ?? widget.least)}
      >
        <i style={isHigh ? { height: length } : { width: length }} />
      </div>
    </Strip>
  );
}

function TextBox({ widget, live, sender, disabled }: ControlProps) {
  const types = live?.types ?? widget.types;
  const label = widget.label || widget.address;
  const shown = live ? live.args.map(word).join(" ") || "trigger" : "–";
  const isSent = widget.target !== "" && /^[sS]$/.test(types);
  return (
    <Strip widget={widget}>
      {isSent ? (
        <TextControl label={label} text={String(live?.args[0] ?? "")} disabled={disabled} send={(text) => sender.send([text])} />
      ) : (
        <p class="w-text">
          {shown} {widget.unit && <small>{widget.unit}</small>}
        </p>
      )}
    </Strip>
  );
}

function word(value: Scalar): string {
  if (typeof value === "number") return figure(value);
  return value === null ? "nil" : String(value);
}
