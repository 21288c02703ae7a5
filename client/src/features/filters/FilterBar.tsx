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
import { Chip } from "./Chip.tsx";
import { Select } from "./Select.tsx";
import { rangeOf, TIMES, type TimeName } from "./times.ts";
import { useFacets } from "./useFacets.ts";

const named = (names: readonly string[]) => names.map((name) => [name, name] as const);
const TYPES = EVENT_TYPES.map((type) => [type, TYPE_NAMES[type]] as const);
const RANGES = TIMES.slice(1);

/** What is narrowed to what. Type and tool are of single events, so they are offered where these are shown. */
export function FilterBar({ events }: { events: boolean }) {
  const filter = useStore(streamStore, (state) => state.filter);
  const { sources, projects, tools } = useFacets();
  const [time, setTime] = useState<{ name: TimeName; from: number } | null>(null);
  const [open, setOpen] = useState(false);
  const { source, project, type, tool, session, from, to } = filter;
  const many = [source, project, type, tool, session, from].filter((value) => value !== null).length;
  const range = time !== null && time.from === from && to === null ? time.name : null;

  function chooseTime(name: string | null) {
    const chosen = (name ?? "any") as TimeName;
    const range = rangeOf(chosen, serverNow());
    setTime(range.from === null ? null : { name: chosen, from: range.from });
    setFilter(range);
  }
  const chooseType = (type: string | null) => setFilter({ type: type as EventType | null });
  const chooseTool = (tool: string | null) => setFilter({ tool });
  const span = from !== null && `${dayAndTime(from)}${to === null ? " until now" : ` to ${dayAndTime(to)}`}`;

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
          value={source}
          onChange={(source) => setFilter({ source })}
        />
        <Select
          label="Project"
          any="All projects"
          options={named(projects)}
          value={project}
          onChange={(project) => setFilter({ project })}
        />
        {events && <Select label="Type" any="All types" options={TYPES} value={type} onChange={chooseType} />}
        {events && (
          <Select label="Tool" any="All tools" options={named(tools)} value={tool} onChange={chooseTool} />
        )}
        <Select label="Time" any="Any time" options={RANGES} value={range} onChange={chooseTime} />
      </div>
      {!events && type !== null && (
        <Chip name={`Live: ${TYPE_NAMES[type]}`} icon="live" onRemove={() => chooseType(null)} />
      )}
      {!events && tool !== null && (
        <Chip name={`Live: ${tool}`} icon="live" onRemove={() => chooseTool(null)} />
      )}
      {span && range === null && (
        <Chip name={span} icon="clock" onRemove={() => setFilter({ from: null, to: null })} />
      )}
      {session !== null && (
        <Chip
          name={`Session ${shortId(session)}`}
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
