import { useMemo, useState } from "react";
import { useStore } from "zustand";
import { Choice } from "../../components/Choice.tsx";
import { Panel } from "../../components/Panel.tsx";
import { useNow } from "../../components/useNow.ts";
import { ownZone } from "../../lib/zone.ts";
import { serverNow, serverStore } from "../../store/connection.ts";
import { streamStore } from "../../store/stream.ts";
import { tallyStore } from "../../store/tally.ts";
import { gridOf, sayTotal } from "./cells.ts";
import { HeatGrid } from "./HeatGrid.tsx";
import { cellCounts } from "./merge.ts";
import { daysOf, type HeatView } from "./range.ts";
import { useCounts } from "./useCounts.ts";

const VIEWS = [
  ["week", "7 days"],
  ["month", "30 days"],
  ["year", "Year"],
  ["hours", "Hour of week"],
] as const;

/** When there was activity, in the person's own time zone. Not there where the server keeps no history. */
export function HeatmapPanel() {
  const history = useStore(serverStore, (server) => server.history);
  return history === true ? <Heatmap /> : null;
}

function Heatmap() {
  const [view, setView] = useState<HeatView>("week");
  const zone = ownZone();
  const now = useNow(serverNow, 30_000);
  const { source, project } = useStore(streamStore, ({ filter }) => filter);
  const live = useStore(tallyStore, ({ buckets }) => buckets);
  const { data, isPending, isError, isFetching, refetch } = useCounts(view, zone, now);
  const grid = useMemo(
    () => gridOf(view, daysOf(view, zone, now), zone, now, cellCounts(view, zone, data, live, source)),
    [view, zone, now, data, live, source],
  );
  return (
    <Panel
      title="Activity"
      className="heatmap"
      tools={<Choice<HeatView> label="Range" options={VIEWS} value={view} onChange={setView} />}
    >
      <p className="dim heatmap-total">
        {isPending && !isError ? "Loading the history…" : sayTotal(grid.total, view)}
        {" · "}
        {zone.replaceAll("_", " ")}
        {project !== null && " · all projects: hours are not kept by project"}
      </p>
      {isError && (
        <p className="caution" role="alert">
          Unable to load historic data. Showing real-time events only.
          <button type="button" disabled={isFetching} onClick={() => void refetch()}>
            {isFetching ? "Trying…" : "Retry"}
          </button>
        </p>
      )}
      <HeatGrid key={view} grid={grid} view={view} busy={isPending && !isError} />
    </Panel>
  );
}
