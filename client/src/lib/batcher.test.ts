import { expect, test } from "vitest";
import { Batcher } from "./batcher.ts";

function setUp() {
  const frames: (() => void)[] = [];
  const batches: number[][] = [];
  const batcher = new Batcher<number>((items) => batches.push(items), {
    nextFrame: (callback) => frames.push(callback),
  });
  const draw = () => {
    for (const frame of frames.splice(0)) frame();
  };
  return { batcher, batches, draw, frames };
}

test("everything that comes before a frame is handed on once", () => {
  const { batcher, batches, draw, frames } = setUp();
  for (const item of [1, 2, 3]) batcher.push(item);
  expect(frames).toHaveLength(1);
  expect(batches).toEqual([]);
  draw();
  batcher.push(4);
  draw();
  expect(batches).toEqual([[1, 2, 3], [4]]);
});

test("a frame that never comes does not let the pile grow without bound", () => {
  const { batcher, batches } = setUp();
  for (let item = 0; item < 12_000; item++) batcher.push(item);
  expect(batches.map((batch) => batch.length)).toEqual([5000, 5000]);
});
