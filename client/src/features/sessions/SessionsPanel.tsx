import { useState } from "react";
import { useStore } from "zustand";
import { Choice } from "../../components/Choice.tsx";
import { Notice } from "../../components/Notice.tsx";
import { Panel } from "../../components/Panel.tsx";
import { useNow } from "../../components/useNow.ts";
import type { SessionState } from "../../protocol/generated.ts";
import { serverNow, serverStore } from "../../store/connection.ts";
import { SessionCard } from "./SessionCard.tsx";
import { useSessions } from "./useSessions.ts";

const STATES = [
  ["all", "All"],
  ["active", "Active"],
  ["idle", "Idle"],
  ["ended", "Ended"],
] as const;

/** The list of sessions, the latest first. */
export function SessionsPanel() {
  const history = useStore(serverStore, (server) => server.history);
  const [state, setState] = useState<SessionState | "all">("all");
  const query = useSessions(state === "all" ? null : state, 50);
  const now = useNow(serverNow, 5000);
  const sessions = query.data?.pages.flatMap((page) => page.sessions) ?? [];
  return (
    <Panel
      title="Sessions"
      className="sessions"
      tools={
        <Choice<SessionState | "all"> label="State" options={STATES} value={state} onChange={setState} />
      }
    >
      {history === false && (
        <Notice icon="sessions" title="This server keeps no history">
          <p>Sessions are made of stored events. The live stream shows what happens now.</p>
        </Notice>
      )}
      {query.isError && sessions.length === 0 && (
        <Notice icon="error" title="The sessions could not be loaded">
          <button type="button" onClick={() => void query.refetch()}>
            Retry
          </button>
        </Notice>
      )}
      {query.isSuccess && sessions.length === 0 && !query.hasNextPage && (
        <Notice icon="sessions" title={state === "all" ? "No session fits" : `No ${state} session`}>
          <p>A session appears here with its first event.</p>
        </Notice>
      )}
      {query.isLoading && <div className="placeholder tall" aria-hidden="true" />}
      <ul className="session-list">
        {sessions.map((session) => (
          <SessionCard key={`${session.source} ${session.sessionId}`} session={session} now={now} />
        ))}
      </ul>
      {query.hasNextPage && (
        <button
          type="button"
          className="more"
          disabled={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {query.isFetchingNextPage ? "Loading…" : "Earlier sessions"}
        </button>
      )}
    </Panel>
  );
}
