import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { createAdminApi } from "../../api/admin.ts";
import { call } from "../../api/client.ts";

export const adminApi = createAdminApi(call);

const LOOK_EVERY_MS = 15_000;
/** While a machine is about to join. */
const WATCH_EVERY_MS = 2000;

/** A list that never came is asked for again when somebody says so, and not because one more part of the page shows it. */
const options = (everyMs: number) => ({
  staleTime: 1000,
  retryOnMount: false,
  refetchInterval: ({ state }: { state: { data: unknown; error: unknown } }) =>
    state.data === undefined && state.error !== null ? (false as const) : everyMs,
});

export function useSources(watch = false) {
  return useQuery({
    ...options(watch ? WATCH_EVERY_MS : LOOK_EVERY_MS),
    queryKey: ["admin", "sources"],
    queryFn: ({ signal }) => adminApi.sources(signal),
  });
}

export function useTokens() {
  return useQuery({
    ...options(LOOK_EVERY_MS),
    queryKey: ["admin", "tokens"],
    queryFn: ({ signal }) => adminApi.tokens(signal),
  });
}

/**
 * Changes something on the server, and has the lists asked for again. With `onDone` it goes on until they show what the
 * server says.
 */
export function useChange<Input, Output>(
  change: (input: Input) => Promise<Output>,
  onDone?: (output: Output) => void,
) {
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ["admin"] });
  return useMutation({
    mutationFn: change,
    // an answer may hold a token that is shown once: it goes with who shows it
    gcTime: 0,
    async onSuccess(output) {
      const fresh = refresh();
      if (!onDone) return;
      await fresh;
      onDone(output);
    },
    onError: () => void refresh(),
  });
}
