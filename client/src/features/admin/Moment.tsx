import { useId, useState } from "react";
import { fullTime } from "../../lib/format.ts";
import { type Grain, sayMoment } from "./moment.ts";

interface MomentProps {
  at: string;
  now: number;
  /** How exactly the moment is known. */
  grain?: Grain;
}

/** A moment as seen from now, `3 min ago`; the pointer or the focus brings the exact one. */
export function Moment({ at, now, grain = "second" }: MomentProps) {
  const id = useId();
  const [hushed, setHushed] = useState(false);
  const time = Date.parse(at);
  const speak = () => setHushed(false);
  return (
    <span className={hushed ? "moment hushed" : "moment"}>
      <button
        type="button"
        className="link"
        aria-describedby={id}
        onBlur={speak}
        onMouseEnter={speak}
        onKeyDown={({ key }) => key === "Escape" && setHushed(true)}
      >
        <time dateTime={at}>{sayMoment(time, now, grain)}</time>
      </button>
      <span role="tooltip" id={id}>
        {fullTime(time)}
      </span>
    </span>
  );
}
