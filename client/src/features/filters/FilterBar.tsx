import { useState } from "react";
import { useStore } from "zustand";
import { Icon } from "../../components/Icon.tsx";
import { dayAndTime, shortId } from "../../lib/format.ts";
import { EVENT_TYPES } from "../../protocol/decode.ts";
import { TYPE_NAMES } from "../../protocol/describe.ts";
import { isEverything } from "../../protocol/filter.ts";
import type { EventType } from "../../protocol/generated.ts";
import { serverNow } from "../../store/connection.ts";
import { clearFilter, setFilter, streamStore } from "../../store/stream.ts";
import { Select } from "./Select.tsx";
import { rangeOf, TIMES, type TimeName } from "./times.ts";
import { useFacets } from "./useFacets.ts";

const named = (names: readonly string[]) => names.map((name) => [name, name] as const);
const TYPES = EVENT_TYPES.map((type) => [type, TYPE_NAMES[type]] as const);
const RANGES = TIMES.slice(1);

/** What every view is narrowed to. */
export function FilterBar() {
  const filter = useStore(streamStore, (state) => state.filter);
  const { sources, projects, tools } = useFacets();
  const [time, setTime] = useState<{ name: TimeName; from: number } | null>(null);
  const [open, setOpen] = useState(false);
  const many = Object.entries(filter).filter(([name, value]) => value !== null && name !== "to").length;
  const range = time !== null && time.from === filter.from && filter.to === null ? time.name : null;

  function chooseTime(name: string | null) {
    const chosen = (name ?? "any") as TimeName;
    const { from, to } = rangeOf(chosen, serverNow());
    setTime(from === null ? null : { name: chosen, from });
    setFilter({ from, to });
  }

  return (
    <search className={open ? "filters open" : "filters"} aria-label="Filters">
      <button type="button" className="filters-toggle" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name="filter" /> Filters{many > 0 && ` (${many})`}
      </button>
      <div className="filters-fields">
        <Select
          label="Source"
          any="All sources"
          options={named(sources)}
          value={filter.source}
          onChange={(source) => setFilter({ source })}
        />
        <Select
          label="Project"
          any="All projects"
          options={named(projects)}
          value={filter.project}
          onChange={(project) => setFilter({ project })}
        />
        <Select
          label="Type"
          any="All types"
          options={TYPES}
          value={filter.type}
          onChange={(type) => setFilter({ type: type as EventType | null })}
        />
        <Select
          label="Tool"
          any="All tools"
          options={named(tools)}
          value={filter.tool}
          onChange={(tool) => setFilter({ tool })}
        />
        <Select label="Time" any="Any time" options={RANGES} value={range} onChange={chooseTime} />
      </div>
      {filter.from !== null && range === null && (
        <Chip
          name={`${dayAndTime(filter.from)}${filter.to === null ? " until now" : ` to ${dayAndTime(filter.to)}`}`}
          icon="clock"
          onRemove={() => setFilter({ from: null, to: null })}
        />
      )}
      {filter.session !== null && (
        <Chip
          name={`Session ${shortId(filter.session)}`}
          icon="session"
          onRemove={() => setFilter({ session: null })}
        />
      )}
      {!isEverything(filter) && (
        <button type="button" className="quiet filters-clear" onClick={clearFilter}>
          Clear
        </button>
      )}
    </search>
  );
}

function Chip({ name, icon, onRemove }: { name: string; icon: "clock" | "session"; onRemove(): void }) {
  return (
    <span className="chip">
      <Icon name={icon} />
      {name}
      <button type="button" className="quiet" aria-label={`Remove the filter: ${name}`} onClick={onRemove}>
        <Icon name="close" />
      </button>
    </span>
  );
}
