import { useQuery } from "@tanstack/react-query";
import { useStore } from "zustand";
import { api } from "../../api/client.ts";
import { dayAt, isoDay } from "../../lib/zone.ts";
import { serverNow, setServerClock } from "../../store/connection.ts";
import { streamStore } from "../../store/stream.ts";
import { liveNow, liveSeen } from "../../store/tally.ts";
import { arrived } from "./arrived.ts";
import type { Counted } from "./merge.ts";
import { countsQuery, type HeatView } from "./range.ts";

/** The server's counts for a view; asked for anew when a day begins and while events come. */
export function useCounts(view: HeatView, zone: string, now: number) {
  const source = useStore(streamStore, ({ filter }) => filter.source);
  return useQuery({
    queryKey: ["later", "counts", view, zone, source, isoDay(dayAt(zone, now))],
    // a copy of the answer would never hear of what had come before it
    structuralSharing: false,
    queryFn: async ({ signal }): Promise<Counted> => {
      const answer = await api.counts(countsQuery(view, zone, serverNow(), source), signal);
      setServerClock(answer.meta.fetchedAt);
      const counted: Counted = { answer, before: null };
      void arrived(liveSeen).then(() => {
        counted.before = liveNow();
      });
      return counted;
    },
  });
}
