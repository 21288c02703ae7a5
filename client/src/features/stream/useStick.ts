import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from "react";
import type { StreamEvent } from "../../protocol/decode.ts";
import { follow, unfollow } from "../../store/stream.ts";
import { loadNewer } from "./paging.ts";

interface StickOptions {
  scroller: RefObject<HTMLDivElement | null>;
  events: readonly StreamEvent[];
  version: number;
  following: boolean;
  attached: boolean;
  rowHeight: number;
  /** Room above the first row. */
  paddingTop: number;
}

const isAtEnd = ({ scrollTop, scrollHeight, clientHeight }: Element) =>
  scrollHeight - scrollTop - clientHeight < 2;

/** Keeps the newest event in sight while following, and otherwise what is being read where it is, whatever comes above it. */
export function useStick(options: StickOptions) {
  const { scroller, events, version, following, attached, rowHeight, paddingTop } = options;
  const anchor = useRef<{ event: StreamEvent; offset: number } | null>(null);
  const lastTop = useRef(0);
  const followed = useRef(following);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the list changes in place, its version tells
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const asked = following && !followed.current;
    followed.current = following;
    if (following) {
      // a scroll whose event is still to come is a person's, who must not be pulled back unless they asked for it
      if (!asked && element.scrollTop < lastTop.current - 1 && !isAtEnd(element)) return;
      element.scrollTop = element.scrollHeight;
    } else if (anchor.current) {
      const index = events.indexOf(anchor.current.event);
      if (index >= 0) element.scrollTop = paddingTop + index * rowHeight + anchor.current.offset;
    }
    lastTop.current = element.scrollTop;
  }, [version, following, rowHeight]);

  useEffect(() => {
    const element = scroller.current;
    if (!element || !following) return;
    const observer = new ResizeObserver(() => {
      element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller, following]);

  return useCallback(() => {
    const element = scroller.current;
    if (!element) return;
    const { scrollTop } = element;
    const atEnd = isAtEnd(element);
    const up = scrollTop < lastTop.current - 1;
    lastTop.current = scrollTop;
    const index = Math.max(0, Math.floor((scrollTop - paddingTop) / rowHeight));
    const event = events[index];
    anchor.current = event ? { event, offset: scrollTop - paddingTop - index * rowHeight } : null;
    if (atEnd && !attached) void loadNewer();
    else if (atEnd) follow();
    else if (up) unfollow();
  }, [scroller, events, attached, rowHeight, paddingTop]);
}
