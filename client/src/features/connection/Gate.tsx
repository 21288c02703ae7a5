import { useStore } from "zustand";
import { useNow } from "../../components/useNow.ts";
import { serverStore } from "../../store/connection.ts";
import { sayConnection } from "./say.ts";

/** Stands in for the dashboard until the server has said what it can do. */
export function Gate({ onRetry }: { onRetry(): void }) {
  const connection = useStore(serverStore, (state) => state.connection);
  const now = useNow(Date.now, 500);
  const { phase } = connection;
  return (
    <main className="gate">
      <div className="gate-card" aria-live="polite">
        <img src="./icon.svg" alt="" width="40" height="40" />
        <h1>{phase === "tooOld" ? "This server is too old" : "VibeTea"}</h1>
        {phase === "tooOld" && (
          <p className="dim">
            It does not speak the language of this page
            {connection.version ? ` (it is version ${connection.version})` : ""}. Update the server, then try
            again.
          </p>
        )}
        {phase === "waiting" && <p className="dim">{connection.reason}.</p>}
        {phase !== "tooOld" && <p className="dim">{sayConnection(connection, now)}…</p>}
        {(phase === "waiting" || phase === "tooOld") && (
          <button type="button" onClick={onRetry}>
            Try now
          </button>
        )}
      </div>
    </main>
  );
}
