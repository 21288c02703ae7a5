import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStore } from "zustand";
import { api } from "../../api/client.ts";
import { Copyable } from "../../components/Copyable.tsx";
import { serverStore } from "../../store/connection.ts";
import { hrefOf } from "../../store/route.ts";
import { streamStore } from "../../store/stream.ts";
import { commands } from "./commands.ts";

const LOOK_EVERY_MS = 2000;

/** Says what to do while nothing is stored yet, and gives way by itself when the first event arrives. */
export function FirstRun({ children }: { children: ReactNode }) {
  const any = useStore(streamStore, ({ log }) => log.recent.length > 0);
  const admin = useStore(serverStore, ({ viewer }) => viewer?.admin === true);
  const { data } = useQuery({
    queryKey: ["totals"],
    queryFn: ({ signal }) => api.totals(signal),
    enabled: !any,
    // history comes in without being broadcast, so the store is asked as well
    refetchInterval: ({ state }) => (state.data?.events === 0 ? LOOK_EVERY_MS : false),
  });
  if (any || data?.events !== 0) return children;
  const { here, keys, elsewhere } = commands(document.baseURI);
  return (
    <section className="panel first" aria-labelledby="first-title">
      <p className="first-wait" role="status">
        <span className="pill-dot" aria-hidden="true" />
        Waiting for the first event
      </p>
      <h2 id="first-title">Nothing is stored yet</h2>
      <p className="dim">Start a monitor where your agents work. This page turns live by itself.</p>
      <ol>
        <li>
          <h3>Your agents run on the machine of this server</h3>
          <p className="dim">
            One command is server and monitor together, and reads the sessions that are there.
          </p>
          <Copyable text={here} />
        </li>
        <li>
          <h3>They run on another machine</h3>
          {admin && (
            <p className="dim">
              <a href={hrefOf({ view: "admin" })}>Add the machine</a>: you get one command to paste there. Or
              do it by hand:
            </p>
          )}
          <p className="dim">
            Make its key there, add the line it prints to <code>VIBETEA_PUBLIC_KEYS</code> of this server,
          </p>
          <Copyable text={keys} />
          <p className="dim">then start the monitor.</p>
          <Copyable text={elsewhere} />
        </li>
      </ol>
    </section>
  );
}
