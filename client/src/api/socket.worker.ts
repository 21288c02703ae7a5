import { Batcher } from "../lib/batcher.ts";
import { decodeFrame, type Frame } from "../protocol/decode.ts";
import type { Word } from "./socket.ts";

/** How long frames wait for others: half of a picture's time. */
const COLLECT_MS = 8;

const say = (word: Word) => postMessage(word);

/** The one message from the page is the address to open; the page ends the connection together with this thread. */
addEventListener("message", ({ data }: MessageEvent<string>) => {
  const frames = new Batcher<Frame>((frames) => say({ kind: "frames", frames }), {
    nextFrame: (callback) => setTimeout(callback, COLLECT_MS),
  });
  const socket = new WebSocket(data);
  socket.onopen = () => say({ kind: "open" });
  socket.onmessage = ({ data }) => frames.push(decodeFrame(data));
  socket.onclose = () => {
    frames.flush();
    say({ kind: "close" });
  };
});
