import { type FormEvent, useEffect, useRef, useState } from "react";

interface SignInProps {
  /** Whether a token was just turned down. */
  refused: boolean;
  onToken(token: string, onDevice: boolean): void;
}

/** Asks for the token that opens this dashboard. */
export function SignIn({ refused, onToken }: SignInProps) {
  const [token, setToken] = useState("");
  const [onDevice, setOnDevice] = useState(false);

  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);

  function submit(event: FormEvent) {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim(), onDevice);
  }

  return (
    <main className="gate">
      <form className="gate-card" onSubmit={submit}>
        <img src="./icon.svg" alt="" width="40" height="40" />
        <h1>VibeTea</h1>
        <p className="dim">What your coding agents do, on all your machines.</p>
        <label htmlFor="token">Subscriber token</label>
        <input
          ref={input}
          id="token"
          type="password"
          autoComplete="current-password"
          required
          value={token}
          onChange={({ target }) => setToken(target.value)}
          aria-invalid={refused}
          aria-describedby="token-help"
        />
        <p id="token-help" className={refused ? "wrong" : "dim"} role={refused ? "alert" : undefined}>
          {refused
            ? "This token is not the right one. Nothing was sent on; try another."
            : "The address that the server prints when it starts signs you in by itself."}
        </p>
        <label className="check">
          <input type="checkbox" checked={onDevice} onChange={({ target }) => setOnDevice(target.checked)} />
          Stay signed in on this device
        </label>
        <button type="submit" className="primary">
          Sign in
        </button>
      </form>
    </main>
  );
}
