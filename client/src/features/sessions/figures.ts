import type { AgentUse, Session, ToolUse } from "../../protocol/generated.ts";

/** Calls and their ends over all tools. */
export function toolTotals(tools: readonly ToolUse[]) {
  const sum = (of: (tool: ToolUse) => number) => tools.reduce((total, tool) => total + of(tool), 0);
  const [completed, failed] = [sum((tool) => tool.completed), sum((tool) => tool.failed)];
  const ended = completed + failed;
  return {
    calls: Math.max(
      sum((tool) => tool.started),
      ended,
    ),
    ended,
    failed,
    rate: ended === 0 ? null : completed / ended,
  };
}

/** How long a session went on, by the times of its events. */
export function lasted({ startedAt, lastEventAt }: Pick<Session, "startedAt" | "lastEventAt">): number {
  return Date.parse(lastEventAt) - Date.parse(startedAt);
}

/** Subagents of one kind, as one line under their parent. */
export interface AgentLine {
  kind: string;
  count: number;
  failed: number;
  running: number;
}

/** Groups subagents by kind. A start names no id, so starts and ends are counted rather than matched. */
export function agentLines(agents: readonly AgentUse[]): AgentLine[] {
  const kinds = new Map<string, { started: number; ended: number; failed: number }>();
  for (const { agentType, started, completed, failed } of agents) {
    const kind = agentType ?? "subagent";
    const line = kinds.get(kind) ?? { started: 0, ended: 0, failed: 0 };
    kinds.set(kind, {
      started: line.started + started,
      ended: line.ended + completed + failed,
      failed: line.failed + failed,
    });
  }
  return [...kinds].map(([kind, { started, ended, failed }]) => ({
    kind,
    count: Math.max(started, ended),
    failed,
    running: Math.max(0, started - ended),
  }));
}
