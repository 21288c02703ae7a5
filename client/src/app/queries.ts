import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { isRefused } from "../api/http.ts";
import { tallyStore } from "../store/tally.ts";

let refused = () => {};

/** What to do when the server stops accepting the token. */
export function onRefused(callback: () => void): void {
  refused = callback;
}

function onError(error: unknown): void {
  if (isRefused(error)) refused();
}

/** Server state. Nothing is asked for because a window gets the focus: what is live says when something changed. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: { retry: false, refetchOnWindowFocus: false, staleTime: 10_000, gcTime: 120_000 },
  },
});

/** How soon after new events server state is asked for again, by the first part of its key. */
const REFRESH_MS = { soon: 2000, later: 15_000 } as const;

/** Keeps what is on the screen up to date while events come, and once more after they stop. */
export function refreshWithEvents(): void {
  let seen = tallyStore.getState().seen;
  const due = new Set<keyof typeof REFRESH_MS>();
  tallyStore.subscribe((state) => {
    if (state.seen === seen) return;
    seen = state.seen;
    for (const key of Object.keys(REFRESH_MS) as (keyof typeof REFRESH_MS)[]) {
      if (due.has(key)) continue;
      due.add(key);
      setTimeout(() => {
        due.delete(key);
        void queryClient.invalidateQueries({ queryKey: [key] });
      }, REFRESH_MS[key]);
    }
  });
}
