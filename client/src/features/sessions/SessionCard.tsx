import { ago, duration, percent, plural, shortId } from "../../lib/format.ts";
import type { Session } from "../../protocol/generated.ts";
import { hrefOf } from "../../store/route.ts";
import { agentLines, lasted, toolTotals } from "./figures.ts";
import { StateBadge } from "./StateBadge.tsx";
import { ToolChips } from "./ToolChips.tsx";

/** A session on the list; the whole of it leads to its timeline. */
export function SessionCard({ session, now }: { session: Session; now: number }) {
  const { ended, rate } = toolTotals(session.tools);
  const agents = agentLines(session.agents);
  return (
    <li className={`session session-${session.state}`}>
      <div className="session-main">
        <StateBadge state={session.state} />
        <a
          className="session-name"
          href={hrefOf({ view: "session", source: session.source, id: session.sessionId })}
        >
          <bdi>{session.project ?? "No project"}</bdi>
          <span className="mono dim">{shortId(session.sessionId)}</span>
        </a>
        <span className="dim session-when">{ago(now - Date.parse(session.lastEventAt))}</span>
      </div>
      <p className="session-facts dim">
        <span>{session.source}</span>
        <span>{duration(lasted(session))}</span>
        <span>{plural(session.eventCount, "event")}</span>
        <span>{plural(session.activityCount, "prompt")}</span>
        {rate !== null && (
          <span className={rate < 0.8 ? "wrong" : undefined}>
            {percent(rate)} of {plural(ended, "call")} succeeded
          </span>
        )}
        {session.errorCount > 0 && <span className="wrong">{plural(session.errorCount, "error")}</span>}
      </p>
      {session.tools.length > 0 && <ToolChips tools={session.tools} />}
      {agents.length > 0 && (
        <ul className="agents" aria-label="Subagents">
          {agents.map(({ kind, count, failed, running }) => (
            <li key={kind}>
              <b>{kind}</b> {count > 1 && `× ${count}`}
              {running > 0 && session.state === "active" && (
                <span className="running"> {running} running</span>
              )}
              {failed > 0 && <span className="wrong"> {failed} failed</span>}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}
