import { useStore } from "zustand";
import { count } from "../../lib/format.ts";
import { tallyStore } from "../../store/tally.ts";
import { curve } from "./path.ts";

const [WIDTH, HEIGHT] = [264, 56];

/** Events of the last minute, second by second. */
export function Pulse() {
  const pulse = useStore(tallyStore, (state) => state.pulse);
  const lastMinute = pulse.reduce((sum, count) => sum + count, 0);
  const { line, area } = curve(pulse, WIDTH, HEIGHT);
  return (
    <div className="pulse">
      <p>
        <strong>{count(lastMinute)}</strong> <span className="dim">in the last minute</span>
      </p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path className="pulse-area" d={area} />
        <path className="pulse-line" d={line} />
      </svg>
    </div>
  );
}
