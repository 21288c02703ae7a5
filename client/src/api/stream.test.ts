import { expect, test } from "vitest";
import type { ConnectionState } from "../lib/connection.ts";
import { decodeFrame } from "../protocol/decode.ts";
import { ApiError } from "./http.ts";
import { LiveStream, type Socket } from "./stream.ts";

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

function setUp(
  overrides: { capabilities?: () => Promise<never>; hasToken?: boolean; apiVersion?: number } = {},
) {
  const world = {
    now: 0,
    states: [] as ConnectionState[],
    events: [] as string[],
    fresh: 0,
    bad: 0,
    asked: 0,
    sockets: [] as { socket: Socket; parameters: Record<string, string> }[],
    timers: [] as { ms: number; run: () => void }[],
  };
  const stream = new LiveStream({
    capabilities:
      overrides.capabilities ??
      (async () => {
        world.asked += 1;
        return { version: "0.1.0", apiVersion: overrides.apiVersion ?? 1, history: true };
      }),
    ticket: async () => `ticket${world.sockets.length}`,
    open(parameters) {
      const socket: Socket = { close: () => {}, onopen: null, onframes: null, onclose: null };
      world.sockets.push({ socket, parameters });
      return socket;
    },
    hasToken: () => overrides.hasToken ?? true,
    onState: (state) => world.states.push(state),
    onServer: () => {},
    onEvent: (event) => world.events.push(event.id),
    onFresh: () => {
      world.fresh += 1;
    },
    onBadFrame: () => {
      world.bad += 1;
    },
    now: () => world.now,
    random: () => 0.5,
    after(ms, run) {
      const timer = { ms, run };
      world.timers.push(timer);
      return () => world.timers.splice(world.timers.indexOf(timer), 1);
    },
  });
  const last = () => {
    const found = world.sockets.at(-1);
    if (!found) throw new Error("no socket was opened");
    return found;
  };
  const fire = (name: "onopen" | "onclose") => last().socket[name]?.();
  const bring = (...frames: string[]) => last().socket.onframes?.(frames.map(decodeFrame));
  const event = (id: string) =>
    JSON.stringify({ id, source: "s", timestamp: "2026-01-01T00:00:00Z", type: "activity", payload: {} });
  return { world, stream, last, fire, bring, event, phase: () => world.states.at(-1)?.phase };
}

test("a lost connection is resumed behind the last event and loads nothing again", async () => {
  const { world, stream, last, fire, bring, event, phase } = setUp();
  stream.connect();
  await settle();
  fire("onopen");
  expect([phase(), world.fresh]).toEqual(["live", 1]);
  bring(event("evt_1"), event("evt_2"));
  fire("onclose");
  expect(world.states.at(-1)).toEqual({ phase: "waiting", until: 1000, reason: "The connection was lost" });
  world.timers.shift()?.run();
  await settle();
  expect(last().parameters).toEqual({ ticket: "ticket1", last_event_id: "evt_2" });
  fire("onopen");
  expect([phase(), world.fresh]).toEqual(["live", 1]);
});

test("a reset loads what came before and starts from there", async () => {
  const { world, stream, last, fire, bring, event } = setUp();
  stream.connect();
  await settle();
  fire("onopen");
  bring(event("evt_1"));
  bring('{"control":"reset"}');
  expect(world.fresh).toBe(2);
  fire("onclose");
  world.timers.shift()?.run();
  await settle();
  expect(last().parameters).toEqual({ ticket: "ticket1" });
});

test("waits double up to half a minute and begin anew after a good connection", async () => {
  const { world, stream, fire } = setUp();
  stream.connect();
  const waits: number[] = [];
  for (let attempt = 0; attempt < 7; attempt++) {
    await settle();
    fire("onopen");
    fire("onclose");
    const timer = world.timers.shift();
    waits.push(timer?.ms ?? 0);
    timer?.run();
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  await settle();
  fire("onopen");
  world.now = 10_000;
  fire("onclose");
  expect(world.timers[0]?.ms).toBe(1000);
});

test.each([true, false])("a refused token ends it without another attempt (given: %s)", async (hasToken) => {
  const refuse = () => Promise.reject(new ApiError(401, "no"));
  const { world, stream } = setUp({ capabilities: refuse, hasToken });
  stream.connect();
  await settle();
  expect(world.states.at(-1)).toEqual({ phase: "signedOut", refused: hasToken });
  expect(world.timers).toEqual([]);
});

test("a server without the routes, or with older ones, is too old and is left alone", async () => {
  const none = setUp({ capabilities: () => Promise.reject(new ApiError(404, "no")) });
  none.stream.connect();
  const older = setUp({ apiVersion: 0 });
  older.stream.connect();
  await settle();
  expect([none.phase(), older.phase()]).toEqual(["tooOld", "tooOld"]);
  expect([none.world.timers, older.world.timers]).toEqual([[], []]);
});

test("what an abandoned attempt brings is ignored", async () => {
  const { world, stream } = setUp();
  stream.connect();
  stream.stop();
  await settle();
  expect(world.sockets).toEqual([]);
});

test("a bad frame is counted and the stream goes on", async () => {
  const { world, stream, fire, bring, event } = setUp();
  stream.connect();
  await settle();
  fire("onopen");
  bring("nonsense", event("evt_1"));
  expect([world.bad, world.events]).toEqual([1, ["evt_1"]]);
});
