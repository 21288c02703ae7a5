import { Icon } from "../../components/Icon.tsx";
import { Notice } from "../../components/Notice.tsx";
import { Panel } from "../../components/Panel.tsx";
import { count, dayAndTime, duration, percent } from "../../lib/format.ts";
import type { Session } from "../../protocol/generated.ts";
import { hrefOf } from "../../store/route.ts";
import { setFilter } from "../../store/stream.ts";
import { lasted, toolTotals } from "./figures.ts";
import { StateBadge } from "./StateBadge.tsx";
import { Timeline } from "./Timeline.tsx";
import { ToolUseTable } from "./ToolUseTable.tsx";
import { useSession, useSessionEvents } from "./useSession.ts";

/** One session with its timeline. */
export function SessionView({ source, id }: { source: string; id: string }) {
  const { data: session, isError, refetch } = useSession(source, id);
  const { events, hasNextPage, isFetchingNextPage, fetchNextPage } = useSessionEvents(source, id);
  const agentTypes = new Map(
    session?.agents.flatMap(({ agentId, agentType }) =>
      agentId && agentType ? [[agentId, agentType] as const] : [],
    ),
  );
  return (
    <>
      <a className="back" href={hrefOf({ view: "sessions" })}>
        <Icon name="left" /> All sessions
      </a>
      {isError && !session && (
        <Notice icon="error" title="This session could not be loaded">
          <button type="button" onClick={() => void refetch()}>
            Retry
          </button>
        </Notice>
      )}
      <header className="session-head">
        <h2>{session ? (session.project ?? "No project") : " "}</h2>
        {session && <StateBadge state={session.state} />}
        <a className="button" href={hrefOf({ view: "live" })} onClick={() => setFilter({ session: id })}>
          Its events
        </a>
        <p className="mono dim">
          <bdi>{id}</bdi> on <bdi>{source}</bdi>
        </p>
      </header>
      <Figures session={session} />
      <Panel title="Timeline">
        {hasNextPage && (
          <button
            type="button"
            className="more"
            disabled={isFetchingNextPage}
            onClick={() => void fetchNextPage()}
          >
            {isFetchingNextPage ? "Loading…" : "Show what came before"}
          </button>
        )}
        {events.length > 0 ? (
          <Timeline events={events} agentTypes={agentTypes} />
        ) : (
          <div className="placeholder tall" />
        )}
      </Panel>
      <Panel title="Tools">
        {session && session.tools.length === 0 && <p className="dim">No tool was used.</p>}
        {session && session.tools.length > 0 && <ToolUseTable tools={session.tools} />}
      </Panel>
    </>
  );
}

function Figures({ session }: { session: Session | undefined }) {
  const totals = session && toolTotals(session.tools);
  const figures: [string, string | null | undefined][] = [
    ["Started", session && dayAndTime(Date.parse(session.startedAt))],
    ["Lasted", session && duration(lasted(session))],
    ["Prompts", session && count(session.activityCount)],
    ["Tool calls", totals && count(totals.calls)],
    ["Succeeded", totals && (totals.rate === null ? "–" : percent(totals.rate))],
    ["Errors", session && count(session.errorCount)],
  ];
  return (
    <dl className="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? " "}</dd>
        </div>
      ))}
    </dl>
  );
}
