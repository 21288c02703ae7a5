import type { ReactNode } from "react";
import { useStore } from "zustand";
import { Icon, type IconName } from "../components/Icon.tsx";
import { Appearance } from "../features/appearance/Appearance.tsx";
import { ConnectionPill } from "../features/connection/ConnectionPill.tsx";
import { FilterBar } from "../features/filters/FilterBar.tsx";
import { Scope } from "../features/viewer/Scope.tsx";
import { authStore } from "../store/auth.ts";
import { serverStore } from "../store/connection.ts";
import { hrefOf, type Route, routeStore } from "../store/route.ts";
import { reconnect, signOut } from "./runtime.ts";

interface Named {
  view: Exclude<Route["view"], "session">;
  name: string;
  icon: IconName;
}

const VIEWS: readonly Named[] = [
  { view: "live", name: "Live", icon: "live" },
  { view: "sessions", name: "Sessions", icon: "sessions" },
  { view: "activity", name: "Activity", icon: "heat" },
];
const ADMIN: Named = { view: "admin", name: "Admin", icon: "key" };
/** Views of what the filters narrow. */
const FILTERED: readonly Route["view"][] = ["live", "sessions", "activity"];

const isCurrent = (route: Route, view: Route["view"]) =>
  route.view === view || (route.view === "session" && view === "sessions");

/** What stands around every view. */
export function Shell({ children }: { children: ReactNode }) {
  const route = useStore(routeStore, (state) => state.route);
  const admin = useStore(serverStore, ({ viewer }) => viewer?.admin === true);
  const signedIn = useStore(authStore, (state) => state.token !== null);
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <header className="top">
        <h1 className="brand">
          <img src="./icon.svg" alt="" width="22" height="22" />
          VibeTea
        </h1>
        <div className="top-state">
          <ConnectionPill onRetry={reconnect} />
          <Scope />
        </div>
        <nav aria-label="Views">
          {[...VIEWS, ...(admin ? [ADMIN] : [])].map(({ view, name, icon }) => (
            <a key={view} href={hrefOf({ view })} aria-current={isCurrent(route, view) ? "page" : undefined}>
              <Icon name={icon} />
              {name}
            </a>
          ))}
        </nav>
        <div className="top-tools">
          <Appearance />
          {signedIn && (
            <button
              type="button"
              className="quiet"
              aria-label="Sign out"
              title="Sign out"
              onClick={() => signOut()}
            >
              <Icon name="leave" />
            </button>
          )}
        </div>
      </header>
      {FILTERED.includes(route.view) && <FilterBar events={route.view === "live"} />}
      <main key={hrefOf(route)} id="main" tabIndex={-1} className={`view view-${route.view}`}>
        {children}
      </main>
    </div>
  );
}
