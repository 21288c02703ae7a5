import { count } from "../../lib/format.ts";
import type { ToolUse } from "../../protocol/generated.ts";

const MOST = 5;

/** The most used tools with their counts, failures marked. */
export function ToolChips({ tools }: { tools: readonly ToolUse[] }) {
  const rest = tools.length - MOST;
  return (
    <ul className="chips" aria-label="Tools">
      {tools.slice(0, MOST).map(({ tool, started, completed, failed }) => (
        <li key={tool}>
          <bdi>{tool}</bdi> <b>{count(Math.max(started, completed + failed))}</b>
          {failed > 0 && <span className="wrong"> {count(failed)} failed</span>}
        </li>
      ))}
      {rest > 0 && <li className="dim">{rest} more</li>}
    </ul>
  );
}
