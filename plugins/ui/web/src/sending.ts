// Sending from a control: to where a value comes from, at a bounded rate.

import type { Release, ValueRow } from "./protocol";
import { connection, parts } from "./store";

const INTERVAL = 33; // ms between two messages of one control

export interface Target {
  name: string;
  /** Whether it is handled as if the source had sent it. */
  received: boolean;
  label: string;
}

/** Where a control of a value may send, the best first. */
export function targetsOf(row: ValueRow): Target[] {
  const found: Target[] = [];
  const add = (target: Target) => {
    if (!found.some((each) => each.name === target.name && each.received === target.received)) found.push(target);
  };
  const isDevice = (name: string) => {
    const state = parts.get(`endpoint.${name}`)?.state;
    return state?.kind === "endpoint" && state.is_sink && !state.is_bridge;
  };
  if (row.received) {
    for (const name of row.sources) if (isDevice(name)) add({ name, received: false, label: `to ${name}` });
    for (const name of row.sources) {
      if (parts.has(`bridge.${name}`) || parts.has(`endpoint.${name}`)) {
        add({ name, received: true, label: `as if from ${name}` });
      }
    }
  }
  for (const name of row.sinks) {
    if (parts.has(`endpoint.${name}`)) add({ name, received: false, label: `to ${name}` });
  }
  return found;
}

type Scalar = ValueRow["args"][number];

/** Sends the values of one control, at most every 33 ms; the last one always. */
export class Sender {
  private waiting: readonly Scalar[] | null = null;
  private timer = 0;
  target: Target | undefined;

  constructor(
    private readonly address: string,
    private readonly types: () => string,
    private readonly failed: (reason: string) => void,
  ) {}

  send(args: readonly Scalar[]): void {
    this.waiting = args;
    if (!this.timer) this.flush();
  }

  /** Sends values that must not be replaced by later ones: the press of a button. */
  sendEach(args: readonly Scalar[], release: Release | null = null): void {
    if (this.target) this.write(args, this.target, release);
  }

  private readonly flush = (): void => {
    this.timer = 0;
    const args = this.waiting;
    const target = this.target;
    if (!args || !target) return;
    this.waiting = null;
    this.timer = window.setTimeout(this.flush, INTERVAL);
    this.write(args, target);
  };

  private write(args: readonly Scalar[], target: Target, release: Release | null = null): void {
    const { name, received } = target;
    connection
      .command({ type: "send", name, received, address: this.address, types: this.types(), args, release })
      .then(
        () => this.failed(""),
        (error: Error) => this.failed(error.message),
      );
  }
}
