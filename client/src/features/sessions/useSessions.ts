import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useStore } from "zustand";
import { api } from "../../api/client.ts";
import type { SessionPage, SessionState } from "../../protocol/generated.ts";
import { serverStore, setServerClock } from "../../store/connection.ts";
import { streamStore } from "../../store/stream.ts";

/** Sessions that the filter lets through, the latest first; asked for again soon after something came. */
export function useSessions(state: SessionState | null, limit: number) {
  const history = useStore(serverStore, (server) => server.history);
  const { source, project, from, to } = useStore(streamStore, (stream) => stream.filter);
  return useInfiniteQuery({
    queryKey: ["soon", "sessions", { source, project, from, to, state, limit }],
    enabled: history === true,
    placeholderData: keepPreviousData,
    // sessions grow idle and end by time alone
    refetchInterval: 30_000,
    initialPageParam: null as string | null,
    getNextPageParam: ({ older }: SessionPage) => older,
    queryFn: async ({ pageParam, signal }) => {
      const page = await api.sessions(
        {
          limit,
          ...(source !== null && { source }),
          ...(project !== null && { project }),
          ...(from !== null && { from: new Date(from).toISOString() }),
          ...(to !== null && { to: new Date(to).toISOString() }),
          ...(state !== null && { state }),
          ...(pageParam !== null && { before: pageParam }),
        },
        signal,
      );
      setServerClock(page.fetchedAt);
      return page;
    },
  });
}
