import { createStore } from "zustand/vanilla";

/** Which view is shown. */
export type Route =
  | { view: "live" }
  | { view: "sessions" }
  | { view: "session"; source: string; id: string }
  | { view: "activity" }
  | { view: "admin" };

/** Reads the part of the address behind `#`. */
export function parseRoute(hash: string): Route {
  const [view, source, id] = hash.replace(/^#\/?/, "").split("/");
  if (view === "activity" || view === "admin") return { view };
  if (view !== "sessions") return { view: "live" };
  try {
    return source && id
      ? { view: "session", source: decodeURIComponent(source), id: decodeURIComponent(id) }
      : { view };
  } catch {
    return { view };
  }
}

/** The address of a view. */
export function hrefOf(route: Route): string {
  if (route.view !== "session") return `#/${route.view}`;
  return `#/sessions/${encodeURIComponent(route.source)}/${encodeURIComponent(route.id)}`;
}

export const routeStore = createStore<{ route: Route }>(() => ({ route: { view: "live" } }));
