// The control of a value, below its row.

import { useMemo, useState } from "preact/hooks";

import { colourText } from "../argument_text";
import { controlKind, scaleOf, type ControlKind } from "../control_kind";
import { visible } from "../format";
import type { ValueRow } from "../protocol";
import { Sender, targetsOf } from "../sending";
import { may, online } from "../store";
import { PinButton } from "../surface/PinButton";
import type { Value } from "../values_store";
import { NumberControl } from "./NumberControl";
import { Pad } from "./Pad";

/** The height of a control in rem. */
export function controlHeight(row: ValueRow, isNarrow: boolean): number {
  const kind = controlKind(row);
  if (kind === "xy") return isNarrow ? 20 : 17.5;
  if (!isNarrow) return 8.5;
  return kind === "fader" ? 15 : 11;
}

export function ValueControl({ value }: { value: Value }) {
  void value.version.value;
  const { row } = value;
  const kind = controlKind(row);
  const targets = targetsOf(row);
  const [chosen, setChosen] = useState(0);
  const [error, setError] = useState("");
  const types = useMemo(() => ({ now: row.types }), []);
  types.now = row.types;
  const sender = useMemo(() => new Sender(row.address, () => types.now, setError), [row.address, types]);
  sender.target = targets[chosen] ?? targets[0];
  const allowed = may("send");
  const disabled = !online.value || !allowed || !targets.length;
  return (
    <div class="ctl">
      {row.described?.text && <p class="say">{row.described.text}</p>}
      <Body kind={kind} value={value} disabled={disabled} sender={sender} types={types} />
      <div class="foot">
        {targets.length > 0 && kind !== "none" && (
          <label>
            Sends{" "}
            <select value={chosen} onChange={(event) => setChosen(Number(event.currentTarget.value))} disabled={disabled}>
              {targets.map((each, i) => (
                <option key={each.label} value={i}>
                  {each.label}
                </option>
              ))}
            </select>
          </label>
        )}
        {!allowed && <span>Sending needs a token with the right send.</span>}
        {allowed && !targets.length && <span>No endpoint or bridge is known that could receive it.</span>}
        {kind === "fader" && !disabled && <span class="desk">Arrow keys by 0.01, with Shift by 0.001 of the range</span>}
        {error && (
          <span class="b" role="alert">
            {error}
          </span>
        )}
        <PinButton value={value} target={kind === "none" ? undefined : sender.target} />
      </div>
    </div>
  );
}

interface BodyProps {
  kind: ControlKind;
  value: Value;
  disabled: boolean;
  sender: Sender;
  types: { now: string };
}

function Body({ kind, value, disabled, sender, types }: BodyProps) {
  const { row } = value;
  const label = `Value of ${row.address}`;
  switch (kind) {
    case "fader":
      return <NumberControl value={value} label={label} disabled={disabled} send={(number) => sender.send([number])} />;
    case "toggle": {
      const set = (isOn: boolean) => {
        types.now = isOn ? "T" : "F";
        sender.send([isOn]);
      };
      return <ToggleControl label={label} isOn={row.args[0] === true} disabled={disabled} send={set} />;
    }
    case "trigger":
      return <TriggerControl address={row.address} disabled={disabled} send={() => sender.send(row.args)} />;
    case "text":
      return <TextControl label={label} text={String(row.args[0])} disabled={disabled} send={(text) => sender.send([text])} />;
    case "colour":
      return (
        <ColourControl label={label} colour={String(row.args[0])} disabled={disabled} send={(colour) => sender.send([colour])} />
      );
    case "xy": {
      const pair = [Number(row.args[0]), Number(row.args[1])] as const;
      const seen = value.series.values();
      const scales = [scaleOf(row, 0, seen), scaleOf(row, 1, [])] as const;
      return <Pad label={label} device={pair} scales={scales} disabled={disabled} onMove={(x, y) => sender.send([x, y])} />;
    }
    case "menu":
      return (
        <MenuControl
          label={label}
          value={row.args[0]}
          choices={row.described?.choices ?? []}
          disabled={disabled}
          send={(choice) => sender.send([choice])}
        />
      );
    default:
      return <AllArguments label={label} row={row} />;
  }
}

interface ToggleProps {
  label: string;
  isOn: boolean;
  disabled: boolean;
  send(isOn: boolean): void;
}

function ToggleControl({ label, isOn, disabled, send }: ToggleProps) {
  return (
    <div class="line">
      <button class="sw" role="switch" aria-checked={isOn} aria-label={label} disabled={disabled} onClick={() => send(!isOn)}>
        <i />
      </button>
      <span>{isOn ? "on" : "off"}</span>
    </div>
  );
}

function TriggerControl({ address, disabled, send }: { address: string; disabled: boolean; send(): void }) {
  return (
    <div class="line">
      <button class="btn go" disabled={disabled} onClick={send}>
        Send {address}
      </button>
    </div>
  );
}

/** A value that has no control: its type tags and arguments. */
function AllArguments({ label, row }: { label: string; row: ValueRow }) {
  return (
    <div class="mono all" role="group" aria-label={label} tabIndex={0}>
      ,{row.types} {row.args.map(String).map(visible).join(" ")}
      {row.cut && " …"}
    </div>
  );
}

interface TextProps {
  label: string;
  text: string;
  disabled: boolean;
  send(text: string): void;
}

export function TextControl({ label, text, disabled, send }: TextProps) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <form
      class="line"
      onSubmit={(event) => {
        event.preventDefault();
        send(typed ?? text);
        setTyped(null);
      }}
    >
      <input
        class="in1"
        aria-label={label}
        value={typed ?? text}
        disabled={disabled}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <button class="btn go" disabled={disabled}>
        Send
      </button>
    </form>
  );
}

interface ColourProps {
  label: string;
  colour: string;
  disabled: boolean;
  send(colour: string): void;
}

export function ColourControl({ label, colour, disabled, send }: ColourProps) {
  return (
    <div class="line">
      <input
        type="color"
        aria-label={label}
        value={colour.slice(0, 7)}
        disabled={disabled}
        onInput={(event) => send(`${event.currentTarget.value}${colour.slice(7) || "ff"}`)}
      />
      <span class="mono">{colourText(colour)}</span>
    </div>
  );
}

type Choice = ValueRow["args"][number];

interface MenuProps {
  label: string;
  value: Choice | undefined;
  choices: readonly Choice[];
  disabled: boolean;
  send(choice: Choice): void;
}

export function MenuControl({ label, value, choices, disabled, send }: MenuProps) {
  const isListed = choices.some((each) => String(each) === String(value));
  return (
    <div class="line">
      <select
        class="in1"
        aria-label={label}
        value={isListed ? String(value) : ""}
        disabled={disabled}
        onChange={(event) => {
          const found = choices.find((each) => String(each) === event.currentTarget.value);
          if (found !== undefined) send(found);
        }}
      >
        {!isListed && <option value="">{value === undefined ? "–" : String(value)}</option>}
        {choices.map((each) => (
          <option key={String(each)} value={String(each)}>
            {String(each)}
          </option>
        ))}
      </select>
    </div>
  );
}
