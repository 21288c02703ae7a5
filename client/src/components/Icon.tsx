const PATHS = {
  session: "M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3",
  activity: "M8 8a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.5c.6-2.6 2.5-4 5-4s4.4 1.4 5 4",
  tool: "M9.8 6.2 3 13M9.2 4.8a3 3 0 0 1 3.8-1.8l-1.7 1.7.2 1.8 1.8.2L15 5",
  agent: "M4 6.5h8v6H4zM8 6.5v-3M6.5 9.2v.1M9.5 9.2v.1M2.2 9v2M13.8 9v2",
  error: "M8 2.5 14 13H2zM8 6.5v3M8 11.2v.1",
  summary: "M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2",
  live: "M2 8h3l2-4.5 2.5 9L11.5 8H14",
  sessions: "M2.5 4h11M2.5 8h11M2.5 12h7",
  heat: "M2.5 2.5h4.5v4.5H2.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5H2.5zM9 9h4.5v4.5H9z",
  key: "M5.3 13.2a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM7.1 8.9 13 3M10.4 5.6l2.2 2.2",
  plus: "M8 3.5v9M3.5 8h9",
  search: "M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5 14 14",
  close: "M4 4l8 8M12 4l-8 8",
  down: "M8 3v9M4.5 8.5 8 12l3.5-3.5",
  left: "M10 3.5 5.5 8l4.5 4.5",
  check: "M3.5 8.5 6.5 11.5 12.5 4.5",
  cross: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  filter: "M2.5 4h11M4.5 8h7M6.5 12h3",
  contrast: "M8 2.5a5.5 5.5 0 1 0 0 11zM8 2.5a5.5 5.5 0 0 1 0 11",
  leave: "M6.5 3h-3v10h3M7 8h6.5M11 5.5 13.5 8 11 10.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3l2 1.5",
} as const;

export type IconName = keyof typeof PATHS;

/** A small drawing beside a word that says the same. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
