import { scaleLinear } from "d3-scale";
import { area, curveMonotoneX, line } from "d3-shape";

/** A quiet stream is not blown up to the full height. */
const LEAST_PEAK = 4;

/** The outline and the area of a small curve. */
export function curve(
  values: readonly number[],
  width: number,
  height: number,
): { line: string; area: string } {
  const x = scaleLinear([0, Math.max(1, values.length - 1)], [0, width]);
  const y = scaleLinear([0, Math.max(LEAST_PEAK, ...values)], [height - 1, 1]);
  const points = [...values];
  return {
    line: line<number>((_, index) => x(index), y).curve(curveMonotoneX)(points) ?? "",
    area: area<number>((_, index) => x(index), height, y).curve(curveMonotoneX)(points) ?? "",
  };
}
