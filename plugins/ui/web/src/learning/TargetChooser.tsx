// The target by its address.

import { useEffect, useState } from "preact/hooks";

import { MAX_NAME } from "../protocol";
import { connection, online, parts, partsVersion } from "../store";
import { learn } from "./learning_store";

interface OfferedAddress {
  address: string;
  text: string;
}

/** The target by its address, without moving it. */
export function TargetChooser() {
  void partsVersion.value;
  const sinks = [...parts.values()].flatMap(({ state }) => (state.kind === "endpoint" && state.is_sink ? [state.name] : []));
  const [part, setPart] = useState("");
  const [address, setAddress] = useState("");
  const chosen = part || (sinks[0] ?? "");
  const offered = useOfferedAddresses(chosen, address);
  if (!sinks.length) return <p class="say">There is no endpoint to send to yet. Add one under Devices.</p>;
  return (
    <form
      class="chooser"
      onSubmit={(event) => {
        event.preventDefault();
        void learn({ type: "learn_target", part: chosen, address: address.trim() });
      }}
    >
      <label>
        <span>Or choose its endpoint</span>
        <select class="in1" value={chosen} onChange={(event) => setPart(event.currentTarget.value)}>
          {sinks.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <AddressField address={address} offered={offered} onChange={setAddress} />
      <button class="btn" disabled={!address.trim().startsWith("/") || !online.value}>
        Use it
      </button>
    </form>
  );
}

/** The known addresses of an endpoint that fit what is typed. */
function useOfferedAddresses(part: string, typed: string): readonly OfferedAddress[] {
  const [offered, setOffered] = useState<readonly OfferedAddress[]>([]);
  useEffect(() => {
    if (!part) return;
    let isCurrent = true;
    connection.request({ type: "find_addresses", part, query: typed }).then(
      (answer) => {
        if (isCurrent && answer.type === "known_addresses") setOffered(answer.addresses);
      },
      () => setOffered([]),
    );
    return () => {
      isCurrent = false;
    };
  }, [part, typed]);
  return offered;
}

interface AddressFieldProps {
  address: string;
  offered: readonly OfferedAddress[];
  onChange(address: string): void;
}

function AddressField({ address, offered, onChange }: AddressFieldProps) {
  return (
    <>
      <label class="grow">
        <span>Address</span>
        <input
          class="in1 mono"
          maxLength={MAX_NAME}
          list="learn-addresses"
          placeholder={offered[0]?.address ?? "/address"}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={address}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      </label>
      <datalist id="learn-addresses">
        {offered.map((each) => (
          <option key={each.address} value={each.address}>
            {each.text}
          </option>
        ))}
      </datalist>
    </>
  );
}
