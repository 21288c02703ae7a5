import { useStore } from "zustand";
import { useNow } from "../../components/useNow.ts";
import { serverStore } from "../../store/connection.ts";
import { sayConnection } from "./say.ts";

/** Where the live connection stands, at all times in sight. */
export function ConnectionPill({ onRetry }: { onRetry(): void }) {
  const connection = useStore(serverStore, (state) => state.connection);
  const now = useNow(Date.now, 500);
  const { phase } = connection;
  return (
    <div className={`pill phase-${phase}`}>
      <span className="pill-dot" aria-hidden="true" />
      {/* said aloud when it changes, not with every second that passes */}
      <span role="status" className="hidden">
        {phase === "waiting" ? `${connection.reason}. It is tried again.` : sayConnection(connection, now)}
      </span>
      <span aria-hidden="true" title={phase === "waiting" ? connection.reason : undefined}>
        {sayConnection(connection, now)}
      </span>
      {(phase === "waiting" || phase === "tooOld") && (
        <button type="button" className="quiet" onClick={onRetry}>
          Try now
        </button>
      )}
    </div>
  );
}
