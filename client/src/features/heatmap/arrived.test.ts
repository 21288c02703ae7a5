import { expect, test } from "vitest";
import { arrived } from "./arrived.ts";

/** How long it is waited while so much has come by the end of each wait. */
async function waited(counts: readonly number[]): Promise<number> {
  let [time, step] = [0, 0];
  await arrived(
    () => counts[Math.min(step, counts.length - 1)] ?? 0,
    async (ms) => {
      time += ms;
      step += 1;
    },
  );
  return time;
}

test("a quiet stream is waited for once, a burst to its end, and a flood not for ever", async () => {
  expect(await waited([5, 5])).toBe(300);
  expect(await waited([5, 900, 1700, 1700])).toBe(900);
  expect(await waited(Array.from({ length: 1000 }, (_, step) => step))).toBe(3000);
});
