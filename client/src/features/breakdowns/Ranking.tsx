import { count } from "../../lib/format.ts";

interface RankingProps {
  title: string;
  entries: readonly { name: string | null; count: number }[];
  /** What stands for no name. */
  unnamed: string;
  label?(name: string): string;
  chosen: string | null;
  onChoose(name: string | null): void;
}

const MOST = 8;

/** Names with their counts as bars, the biggest first; choosing one filters by it. */
export function Ranking({ title, entries, unnamed, label = (name) => name, chosen, onChoose }: RankingProps) {
  const most = Math.max(1, ...entries.map(({ count }) => count));
  const rest = entries.slice(MOST).reduce((sum, { count }) => sum + count, 0);
  return (
    <div className="ranking">
      <h3>{title}</h3>
      <ol>
        {entries.slice(0, MOST).map(({ name, count: value }) => (
          <li key={name ?? ""} className={name !== null && name === chosen ? "chosen" : undefined}>
            <span
              className="ranking-bar"
              style={{ width: `${((100 * value) / most).toFixed(2)}%` }}
              aria-hidden="true"
            />
            {name === null ? (
              <span className="dim">{unnamed}</span>
            ) : (
              <button
                type="button"
                className="link"
                aria-pressed={name === chosen}
                onClick={() => onChoose(name === chosen ? null : name)}
              >
                {label(name)}
              </button>
            )}
            <span className="ranking-count">{count(value)}</span>
          </li>
        ))}
        {rest > 0 && (
          <li className="dim">
            <span>{entries.length - MOST} more</span>
            <span className="ranking-count">{count(rest)}</span>
          </li>
        )}
      </ol>
    </div>
  );
}
