// Asks for a token: the bridge is on a network, or its configuration has tokens.

import { useState } from "preact/hooks";

import { capital } from "../format";
import { Logo } from "../icons";
import { MAX_TOKEN } from "../protocol";
import { useToken } from "../store";

export function TokenForm({ reason }: { reason: string }) {
  const [token, setToken] = useState("");
  const isLong = token.trim().length > MAX_TOKEN;
  const denied = reason === "a token is needed" ? "" : `${capital(reason)}.`;
  const problem = isLong ? `A token has at most ${MAX_TOKEN.toLocaleString("en")} characters.` : denied;
  return (
    <main class="gate">
      <form
        class="panel"
        onSubmit={(event) => {
          event.preventDefault();
          useToken(token.trim());
        }}
      >
        <Logo />
        <h1>This bridge asks for a token</h1>
        <p>
          Use the link that <code>oscbridge run</code> prints, or type a secret of the configuration's{" "}
          <code>[[token]]</code>.
        </p>
        <label>
          <span>Token</span>
          <input
            class="in1 mono"
            type="password"
            autocomplete="current-password"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
            aria-invalid={isLong}
            required
          />
        </label>
        {problem && (
          <p class="b" role="alert">
            {problem}
          </p>
        )}
        <button class="btn go" disabled={isLong}>
          Connect
        </button>
      </form>
    </main>
  );
}
