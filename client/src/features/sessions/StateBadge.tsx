import type { SessionState } from "../../protocol/generated.ts";

const NAMES: Record<SessionState, string> = { active: "Active", idle: "Idle", ended: "Ended" };

export function StateBadge({ state }: { state: SessionState }) {
  return (
    <span className={`state state-${state}`}>
      <span className="state-dot" aria-hidden="true" />
      {NAMES[state]}
    </span>
  );
}
