import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useStore } from "zustand";
import { api } from "../../api/client.ts";
import { serverNow } from "../../store/connection.ts";
import { streamStore } from "../../store/stream.ts";
import { type Range, timesOf } from "./range.ts";

/** Counts by tool, project, source and type. */
export function useBreakdowns(range: Range, zone: string) {
  const { source, project, from, to } = useStore(streamStore, ({ filter }) => filter);
  return useQuery({
    queryKey: ["later", "breakdowns", range, zone, { source, project, from, to }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.breakdowns(
        {
          ...timesOf(range, { from, to }, zone, serverNow()),
          ...(source !== null && { source }),
          ...(project !== null && { project }),
        },
        signal,
      ),
  });
}

/** Counts by day and source. */
export function useDays(range: Range, zone: string) {
  const { source, from, to } = useStore(streamStore, ({ filter }) => filter);
  return useQuery({
    queryKey: ["later", "days", range, zone, { source, from, to }],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      api.counts(
        {
          ...timesOf(range, { from, to }, zone, serverNow()),
          tz: zone,
          by: "day",
          split: "source",
          ...(source !== null && { source }),
        },
        signal,
      ),
  });
}
