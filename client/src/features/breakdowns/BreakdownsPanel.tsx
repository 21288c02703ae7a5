import { useState } from "react";
import { useStore } from "zustand";
import { Choice } from "../../components/Choice.tsx";
import { Notice } from "../../components/Notice.tsx";
import { Panel } from "../../components/Panel.tsx";
import { dayAndTime } from "../../lib/format.ts";
import { ownZone } from "../../lib/zone.ts";
import { TYPE_NAMES } from "../../protocol/describe.ts";
import type { EventType } from "../../protocol/generated.ts";
import { serverStore } from "../../store/connection.ts";
import { setFilter, streamStore } from "../../store/stream.ts";
import { DayBars } from "./DayBars.tsx";
import { Ranking } from "./Ranking.tsx";
import type { Range } from "./range.ts";
import { ToolTable } from "./ToolTable.tsx";
import { useBreakdowns, useDays } from "./useBreakdowns.ts";

const RANGES = [
  ["week", "7 days"],
  ["month", "30 days"],
  ["year", "Year"],
] as const;

/** What the activity was made of. */
export function BreakdownsPanel() {
  const history = useStore(serverStore, (server) => server.history);
  if (history === true) return <Breakdowns />;
  return (
    <Panel title="Breakdowns">
      <Notice icon="heat" title="This server keeps no history">
        <p>Counts are made of stored events. The live stream shows what happens now.</p>
      </Notice>
    </Panel>
  );
}

function Breakdowns() {
  const [range, setRange] = useState<Range>("week");
  const filter = useStore(streamStore, (stream) => stream.filter);
  const zone = ownZone();
  const { data, isError, refetch } = useBreakdowns(range, zone);
  const days = useDays(range, zone);
  const filtered = filter.from !== null;
  const tools = filtered ? (
    <span className="dim">
      {dayAndTime(filter.from ?? 0)} {filter.to === null ? "until now" : `to ${dayAndTime(filter.to)}`}
    </span>
  ) : (
    <Choice<Range> label="Breakdown range" options={RANGES} value={range} onChange={setRange} />
  );
  return (
    <>
      <Panel title="By day" tools={tools}>
        {filter.project !== null && <p className="dim">All projects: days are not kept by project.</p>}
        {days.data ? (
          <DayBars counts={days.data} zone={zone} />
        ) : (
          <div className="placeholder tall" aria-hidden="true" />
        )}
      </Panel>
      <Panel title="Tools">
        {isError && !data && (
          <Notice icon="error" title="The counts could not be loaded">
            <button type="button" onClick={() => void refetch()}>
              Retry
            </button>
          </Notice>
        )}
        {!data && !isError && <div className="placeholder tall" aria-hidden="true" />}
        {data && data.tools.length === 0 && <p className="dim">No tool was used in this time.</p>}
        {data && data.tools.length > 0 && <ToolTable tools={data.tools} chosen={filter.tool} />}
      </Panel>
      <Panel title="Where and what" className="rankings">
        <Ranking
          title="Projects"
          unnamed="no project"
          entries={
            data?.projects.map(({ project, eventCount }) => ({ name: project, count: eventCount })) ?? []
          }
          chosen={filter.project}
          onChoose={(project) => setFilter({ project })}
        />
        <Ranking
          title="Sources"
          unnamed=""
          entries={data?.sources.map(({ source, eventCount }) => ({ name: source, count: eventCount })) ?? []}
          chosen={filter.source}
          onChoose={(source) => setFilter({ source })}
        />
        <Ranking
          title="Types"
          unnamed=""
          entries={data?.types.map(({ type, eventCount }) => ({ name: type, count: eventCount })) ?? []}
          label={(type) => TYPE_NAMES[type as EventType] ?? type}
          chosen={filter.type}
          onChoose={(type) => setFilter({ type: type as EventType | null })}
        />
      </Panel>
    </>
  );
}
