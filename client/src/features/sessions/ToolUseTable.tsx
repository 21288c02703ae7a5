import { count } from "../../lib/format.ts";
import type { ToolUse } from "../../protocol/generated.ts";

/** How often each tool was called in a session, and how it ended. */
export function ToolUseTable({ tools }: { tools: readonly ToolUse[] }) {
  return (
    <table className="figures-table">
      <thead>
        <tr>
          <th scope="col">Tool</th>
          <th scope="col">Calls</th>
          <th scope="col">Done</th>
          <th scope="col">Failed</th>
        </tr>
      </thead>
      <tbody>
        {tools.map(({ tool, started, completed, failed }) => (
          <tr key={tool}>
            <th scope="row">{tool}</th>
            <td>{count(Math.max(started, completed + failed))}</td>
            <td>{count(completed)}</td>
            <td className={failed > 0 ? "wrong" : undefined}>{count(failed)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
