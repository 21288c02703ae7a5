import { count, duration, percent } from "../../lib/format.ts";
import type { ToolBreakdown } from "../../protocol/generated.ts";
import { setFilter } from "../../store/stream.ts";

const share = (part: number, whole: number) => `${((100 * part) / Math.max(1, whole)).toFixed(2)}%`;
const time = (ms: number | null) => (ms === null ? "–" : duration(ms));

/** How often each tool was used, how often it succeeded, how long it took. */
export function ToolTable({ tools, chosen }: { tools: readonly ToolBreakdown[]; chosen: string | null }) {
  const calls = tools.map(({ started, completed, failed }) => Math.max(started, completed + failed));
  const most = Math.max(1, ...calls);
  return (
    <div className="table-scroll">
      <table className="figures-table tools-table">
        <thead>
          <tr>
            <th scope="col">Tool</th>
            <th scope="col">Calls</th>
            <th scope="col">
              <span className="hidden">Share of the most used</span>
            </th>
            <th scope="col">Success</th>
            <th scope="col">Median</th>
            <th scope="col">95 % within</th>
          </tr>
        </thead>
        <tbody>
          {tools.map(({ tool, completed, failed, medianDurationMs, p95DurationMs }, index) => (
            <tr key={tool} className={tool === chosen ? "chosen" : undefined}>
              <th scope="row">
                <button
                  type="button"
                  className="link"
                  aria-pressed={tool === chosen}
                  onClick={() => setFilter({ tool: tool === chosen ? null : tool })}
                >
                  {tool}
                </button>
              </th>
              <td>{count(calls[index] ?? 0)}</td>
              <td className="bar-cell" aria-hidden="true">
                <span className="bar-good" style={{ width: share((calls[index] ?? 0) - failed, most) }} />
                <span className="bar-bad" style={{ width: share(failed, most) }} />
              </td>
              <td className={failed > completed ? "wrong" : undefined}>
                {completed + failed === 0 ? "–" : percent(completed / (completed + failed))}
              </td>
              <td>{time(medianDurationMs)}</td>
              <td>{time(p95DurationMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
