import type { StreamEvent } from "./decode.ts";
import type { EventType } from "./generated.ts";

/** Names of the types for people. */
export const TYPE_NAMES: Record<EventType, string> = {
  session: "Session",
  activity: "Prompt",
  tool: "Tool",
  agent: "Agent",
  error: "Error",
  summary: "Summary",
};

const words = (text: string) => text.replaceAll("_", " ");

/** What happened, in a word or two: the strong part of a line. */
export function headline(event: StreamEvent): string {
  switch (event.type) {
    case "session":
      return event.state === "ended" ? "Ended" : "Started";
    case "activity":
      return "A person typed";
    case "tool":
      return event.tool ?? "Tool";
    case "agent":
      return `${event.agentType ?? "Subagent"} ${event.state ?? ""}`.trim();
    case "error":
      return words(event.category ?? "Error");
    case "summary":
      return "Written";
  }
}

/** How a tool call or a subagent stands. */
export type Outcome = "running" | "ok" | "failed" | null;

export function outcome(event: StreamEvent): Outcome {
  if (event.type === "error") return "failed";
  if (event.type !== "tool" && event.type !== "agent") return null;
  if (event.state === "started") return "running";
  return event.state === "failed" || event.success === false ? "failed" : "ok";
}

/** Everything of an event that a text search looks at, in small letters. */
export function searchable(event: StreamEvent): string {
  const parts = [
    headline(event),
    TYPE_NAMES[event.type],
    event.context,
    event.project,
    event.source,
    event.session,
  ];
  return [...parts, event.agentType, event.agentId, event.state].filter(Boolean).join(" ").toLowerCase();
}
