import type { Frame } from "../protocol/decode.ts";
import type { Socket } from "./stream.ts";

/** What the worker says of its connection. */
export type Word = { kind: "open" } | { kind: "frames"; frames: Frame[] } | { kind: "close" };

const start = () => new Worker(new URL("./socket.worker.ts", import.meta.url), { type: "module" });

/** Starts with the page, so that the first connection does not wait for it. */
let spare: Worker | null = start();

/**
 * Opens the live stream of the server this page came from, in a thread of its own. Browsers make a task of every frame
 * and run hundreds of them before they draw again; so the page gets them decoded, many at a time.
 */
export function openSocket(parameters: Record<string, string>): Socket {
  const address = new URL("ws", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams(parameters).toString();

  const worker = spare ?? start();
  spare = null;
  const socket: Socket = { onopen: null, onframes: null, onclose: null, close: () => worker.terminate() };
  worker.onmessage = ({ data }: MessageEvent<Word>) => {
    if (data.kind === "open") socket.onopen?.();
    else if (data.kind === "frames") socket.onframes?.(data.frames);
    else socket.onclose?.();
  };
  worker.onerror = () => socket.onclose?.();
  worker.postMessage(address.href);
  return socket;
}
