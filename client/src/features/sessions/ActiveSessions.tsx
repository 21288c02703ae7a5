import { useNow } from "../../components/useNow.ts";
import { ago, plural } from "../../lib/format.ts";
import { serverNow } from "../../store/connection.ts";
import { hrefOf } from "../../store/route.ts";
import { toolTotals } from "./figures.ts";
import { StateBadge } from "./StateBadge.tsx";
import { useSessions } from "./useSessions.ts";

const MOST = 6;

/** The latest sessions in short, beside the stream. */
export function ActiveSessions() {
  const { data, isLoading } = useSessions(null, MOST);
  const now = useNow(serverNow, 5000);
  const sessions = data?.pages[0]?.sessions ?? [];
  if (isLoading) return <div className="placeholder" aria-hidden="true" />;
  if (sessions.length === 0) return <p className="dim">None yet.</p>;
  return (
    <ul className="rail-list">
      {sessions.map((session) => (
        <li key={`${session.source} ${session.sessionId}`}>
          <a href={hrefOf({ view: "session", source: session.source, id: session.sessionId })}>
            <span className="rail-name">{session.project ?? "No project"}</span>
            <StateBadge state={session.state} />
            <span className="dim">
              <bdi>{session.source}</bdi> · {plural(toolTotals(session.tools).calls, "call")}
            </span>
            <span className="dim">{ago(now - Date.parse(session.lastEventAt))}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
