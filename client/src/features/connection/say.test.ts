import { expect, test } from "vitest";
import { sayConnection } from "./say.ts";

test("the seconds until the next attempt are counted down to the attempt itself", () => {
  const waiting = { phase: "waiting", until: 10_000, reason: "" } as const;
  expect(sayConnection(waiting, 7500)).toBe("Reconnecting in 3 s");
  expect(sayConnection(waiting, 10_001)).toBe("Reconnecting");
});
