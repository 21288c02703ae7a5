import { type KeyboardEvent, useState } from "react";
import type { StreamEvent } from "../../protocol/decode.ts";
import { follow, unfollow } from "../../store/stream.ts";

const PAGE_ROWS = 10;

/** Which row the keyboard is at. Arrows move, Enter opens, End goes to the newest. */
export function useSelection(events: readonly StreamEvent[], scrollTo: (index: number) => void) {
  const [active, setActive] = useState<StreamEvent | null>(null);
  const [opened, setOpened] = useState<StreamEvent | null>(null);

  function move(index: number) {
    const event = events[Math.max(0, Math.min(index, events.length - 1))];
    if (!event) return;
    unfollow();
    setActive(event);
    scrollTo(events.indexOf(event));
  }

  function onKeyDown(key: KeyboardEvent) {
    const at = active ? events.indexOf(active) : events.length;
    const moves: Record<string, () => void> = {
      ArrowUp: () => move(at - 1),
      ArrowDown: () => move(at + 1),
      PageUp: () => move(at - PAGE_ROWS),
      PageDown: () => move(at + PAGE_ROWS),
      Home: () => move(0),
      End: () => {
        setActive(null);
        follow();
      },
      Enter: () => active && setOpened(active),
      " ": () => active && setOpened(active),
      Escape: () => setActive(null),
    };
    const action = moves[key.key];
    if (!action || key.ctrlKey || key.metaKey || key.altKey) return;
    key.preventDefault();
    action();
  }

  function open(id: string | undefined) {
    const event = events.find((event) => event.id === id);
    if (!event) return;
    setActive(event);
    setOpened(event);
  }

  return { active, opened, open, close: () => setOpened(null), onKeyDown };
}
