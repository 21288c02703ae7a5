import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useStore } from "zustand";
import { api } from "../../api/client.ts";
import { serverNow, serverStore } from "../../store/connection.ts";
import { tallyStore } from "../../store/tally.ts";

const YEAR_MS = 366 * 24 * 3_600_000;

/** The names there are to filter by: those of the last year, and those that came live. */
export function useFacets() {
  const history = useStore(serverStore, (state) => state.history);
  const sources = useStore(tallyStore, (tally) => tally.sources);
  const projects = useStore(tallyStore, (tally) => tally.projects);
  const tools = useStore(tallyStore, (tally) => tally.tools);
  const { data } = useQuery({
    queryKey: ["facets"],
    staleTime: 300_000,
    enabled: history === true,
    queryFn: ({ signal }) => {
      const to = serverNow();
      return api.breakdowns(
        { from: new Date(to - YEAR_MS).toISOString(), to: new Date(to).toISOString() },
        signal,
      );
    },
  });
  return useMemo(() => {
    const all = (live: readonly string[], stored: (string | null)[] = []) =>
      [...new Set([...live, ...stored])].filter((name) => name !== null).sort((a, b) => a.localeCompare(b));
    return {
      sources: all(
        sources,
        data?.sources.map(({ source }) => source),
      ),
      projects: all(
        projects,
        data?.projects.map(({ project }) => project),
      ),
      tools: all(
        tools,
        data?.tools.map(({ tool }) => tool),
      ),
    };
  }, [data, sources, projects, tools]);
}
