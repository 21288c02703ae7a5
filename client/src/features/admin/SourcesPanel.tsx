import { useRef, useState } from "react";
import { Icon } from "../../components/Icon.tsx";
import { Notice } from "../../components/Notice.tsx";
import { Panel } from "../../components/Panel.tsx";
import { useNow } from "../../components/useNow.ts";
import { serverNow } from "../../store/connection.ts";
import { AddMachine } from "./AddMachine.tsx";
import { Listing } from "./Listing.tsx";
import { RenameSource } from "./RenameSource.tsx";
import { RevokeSource } from "./RevokeSource.tsx";
import { type Asked, SourceRow } from "./SourceRow.tsx";
import { sorted } from "./sources.ts";
import { useSources } from "./useAdmin.ts";

/** Who may send: every source with its keys, and the way for a machine to join. */
export function SourcesPanel() {
  const query = useSources();
  const now = useNow(serverNow, 1000);
  const [asked, setAsked] = useState<{ what: Asked; name: string } | null>(null);
  const [joined, setJoined] = useState<string | null>(null);
  const { sending, revoked } = sorted(query.data?.sources ?? []);

  const adding = asked?.what === "add";
  const button = useRef<HTMLButtonElement>(null);
  const close = () => setAsked(null);

  function stopAdding() {
    // what had the focus goes away
    if (document.activeElement?.closest(".add")) button.current?.focus();
    close();
  }
  function ask(what: Asked, name = "") {
    setJoined(null);
    setAsked({ what, name });
  }
  const row = (source: (typeof sending)[number]) => (
    <SourceRow
      key={source.name}
      source={source}
      now={now}
      fresh={source.name === joined}
      onAsk={(what) => ask(what, source.name)}
    />
  );

  return (
    <Panel
      title="Sources"
      tools={
        query.data && (
          <button
            ref={button}
            type="button"
            aria-expanded={adding}
            onClick={() => (adding ? close() : ask("add"))}
          >
            <Icon name="plus" /> Add a machine
          </button>
        )
      }
    >
      <p className="dim">Machines whose monitor may send events to this server.</p>
      <p role="status" className={joined ? "joined" : "hidden"}>
        {joined && (
          <>
            <Icon name="check" /> {joined} has joined.
          </>
        )}
      </p>
      {asked?.what === "add" && (
        <AddMachine
          key={asked.name}
          name={asked.name}
          onClose={stopAdding}
          onJoined={(name) => {
            stopAdding();
            setJoined(name);
          }}
        />
      )}
      {asked?.what === "rename" && <RenameSource name={asked.name} onClose={close} />}
      {asked?.what === "revoke" && <RevokeSource name={asked.name} onClose={close} />}
      <Listing query={query} what="The sources">
        {sending.length === 0 && !adding && (
          <Notice icon="session" title="No machine may send yet">
            <p>Add one: you get a single command to paste there.</p>
          </Notice>
        )}
        <ul className="entries">{sending.map(row)}</ul>
        {revoked.length > 0 && (
          <details className="revoked">
            <summary>Revoked ({revoked.length})</summary>
            <ul className="entries">{revoked.map(row)}</ul>
          </details>
        )}
      </Listing>
    </Panel>
  );
}
