import { useStore } from "zustand";
import { Panel } from "../components/Panel.tsx";
import { BreakdownsPanel } from "../features/breakdowns/BreakdownsPanel.tsx";
import { FirstRun } from "../features/firstrun/FirstRun.tsx";
import { HeatmapPanel } from "../features/heatmap/HeatmapPanel.tsx";
import { Pulse } from "../features/pulse/Pulse.tsx";
import { ActiveSessions } from "../features/sessions/ActiveSessions.tsx";
import { SessionsPanel } from "../features/sessions/SessionsPanel.tsx";
import { SessionView } from "../features/sessions/SessionView.tsx";
import { StreamPanel } from "../features/stream/StreamPanel.tsx";
import { serverStore } from "../store/connection.ts";
import { routeStore } from "../store/route.ts";
import { Admin } from "./Admin.tsx";

/** The view that the address names, put together from the features. */
export function View() {
  const route = useStore(routeStore, (state) => state.route);
  const history = useStore(serverStore, (server) => server.history);
  switch (route.view) {
    case "session":
      return <SessionView source={route.source} id={route.id} />;
    case "sessions":
      return <SessionsPanel />;
    case "activity":
      return (
        <>
          <HeatmapPanel />
          <BreakdownsPanel />
        </>
      );
    case "admin":
      return <Admin />;
    case "live":
      return (
        <FirstRun>
          <StreamPanel />
          <aside className="rail" aria-label="Right now">
            <Panel title="Pulse">
              <Pulse />
            </Panel>
            {history === true && (
              <Panel title="Latest sessions">
                <ActiveSessions />
              </Panel>
            )}
          </aside>
        </FirstRun>
      );
  }
}
