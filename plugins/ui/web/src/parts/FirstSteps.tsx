// What to do while nothing has arrived yet.

import { useSignal } from "@preact/signals";

import type { BridgePart } from "../protocol";
import { go } from "../router";
import { connection, isLimited, may, online, parts, partsVersion, welcome } from "../store";

export function FirstSteps() {
  const bridges = [...parts.values()].flatMap(({ state }) => (state.kind === "bridge" && !state.problem ? [state] : []));
  const first = bridges[0];
  if (!first) return partsVersion.value && !parts.size && !isLimited.value ? <NoParts /> : null;
  return (
    <section class="panel steps" aria-labelledby="steps">
      <header>
        <h2 id="steps">Nothing has arrived yet</h2>
      </header>
      <ol>
        <li>
          <h3>Point your app here</h3>
          <p>In TouchOSC, or another OSC app, set:</p>
          {bridges.slice(0, 3).map((each) => (
            <Target key={each.id} bridge={each} />
          ))}
        </li>
        <li>
          <h3>Move something</h3>
          <p>Or try it with a test message:</p>
          <TestButton bridge={first} />
        </li>
        <li>
          <h3>Watch it arrive</h3>
          <p>Every address with its last value:</p>
          <button class="btn" onClick={() => go("values")}>
            Open Values
          </button>
        </li>
      </ol>
    </section>
  );
}

function NoParts() {
  return (
    <section class="panel" aria-labelledby="no-parts">
      <header>
        <h2 id="no-parts">Nothing is configured yet</h2>
      </header>
      <div class="none">
        <p>A bridge receives OSC. Endpoints are devices and programs that messages go to.</p>
        <button class="btn go" onClick={() => go("devices")}>
          Add them under Devices
        </button>
      </div>
    </section>
  );
}

function Target({ bridge }: { bridge: BridgePart }) {
  const found = /^(\w+)(?:\+[\w.]+)?:\/\/(.*):(\d+)$/.exec(bridge.address);
  if (!found) return <p class="mono">{bridge.address}</p>;
  const [, protocol = "", host = "", port = ""] = found;
  const isLocal = host === "127.0.0.1" || host === "[::1]" || host === "localhost";
  return (
    <>
      <dl class="kv">
        <dt>Protocol</dt>
        <dd>{protocol.toUpperCase()}</dd>
        <dt>Host</dt>
        <dd class="mono">{isLocal ? host : hosts(host)}</dd>
        <dt>Port</dt>
        <dd class="mono">{port}</dd>
      </dl>
      {isLocal && (
        <p class="say">
          Only programs on the same machine can reach it. For others, write{" "}
          <code>listen = "{`${protocol}://0.0.0.0:${port}`}"</code> in <code>[bridge.{bridge.name}]</code>.
        </p>
      )}
    </>
  );
}

/** Addresses by which others reach the bridge. */
function hosts(host: string): string {
  if (host !== "0.0.0.0" && host !== "[::]" && host !== "*") return host;
  const found = welcome.value?.process.addresses ?? [];
  return found.length ? found.join(" or ") : location.hostname;
}

function TestButton({ bridge }: { bridge: BridgePart }) {
  const result = useSignal("");
  const send = () => {
    connection
      .command({ type: "send", name: bridge.name, received: true, address: "/hello", types: "f", args: [0.5] })
      .then(
        () => (result.value = `/hello 0.5 has arrived at ${bridge.name}.`),
        (error: Error) => (result.value = error.message),
      );
  };
  return (
    <>
      <button class="btn go" onClick={send} disabled={!online.value || !may("send")}>
        Send a test message
      </button>
      {result.value && (
        <p class="say" role="status">
          {result.value}
        </p>
      )}
    </>
  );
}
