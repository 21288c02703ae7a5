import { type KeyboardEvent, useState } from "react";

const STEPS: Record<string, readonly [across: number, down: number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * One stop of the tab key for many elements: arrows move among those inside the container that carry `data-at="row:column"`.
 * Where the next place is empty, the nearest one beyond it is taken.
 */
export function useRoving(first: string) {
  const [chosen, setChosen] = useState<string | null>(null);
  const at = chosen ?? first;

  function onKeyDown(event: KeyboardEvent<HTMLElement>) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    const elements = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-at]")];
    const places = new Map(elements.map((element) => [element.dataset.at ?? "", element]));
    const most = Math.max(...elements.flatMap((element) => placeOf(element.dataset.at)));
    let [row, column] = placeOf((document.activeElement as HTMLElement | null)?.dataset.at ?? at);
    for (let tries = 0; tries <= most; tries++) {
      column += step[0];
      row += step[1];
      const found = places.get(`${row}:${column}`);
      if (!found) continue;
      setChosen(`${row}:${column}`);
      found.focus();
      return;
    }
  }

  return {
    onKeyDown,
    /** What makes an element one of them. */
    place: (row: number, column: number) => {
      const name = `${row}:${column}`;
      return { "data-at": name, tabIndex: name === at ? 0 : -1, onFocus: () => setChosen(name) };
    },
  };
}

function placeOf(name: string | undefined): [number, number] {
  const [row, column] = (name ?? "0:0").split(":").map(Number);
  return [row ?? 0, column ?? 0];
}
