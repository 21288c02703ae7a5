import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api } from "../../api/client.ts";
import type { Page } from "../../api/http.ts";
import { compareEvents } from "../../protocol/decode.ts";

const PAGE = 500;

/** One session. */
export function useSession(source: string, id: string) {
  return useQuery({
    queryKey: ["soon", "session", source, id],
    queryFn: ({ signal }) => api.session(id, source, signal),
  });
}

/** Its events, the latest pages first loaded, in the order of time. */
export function useSessionEvents(source: string, id: string) {
  const query = useInfiniteQuery({
    queryKey: ["soon", "session-events", source, id],
    initialPageParam: null as string | null,
    getNextPageParam: ({ older }: Page) => older,
    queryFn: ({ pageParam, signal }) =>
      api.events(
        { source, session: id, limit: PAGE, ...(pageParam !== null && { before: pageParam }) },
        signal,
      ),
  });
  const { data } = query;
  const events = useMemo(() => {
    const byId = new Map(data?.pages.flatMap((page) => page.events).map((event) => [event.id, event]));
    return [...byId.values()].sort(compareEvents);
  }, [data]);
  return { ...query, events };
}
