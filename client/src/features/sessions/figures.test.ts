import { expect, test } from "vitest";
import { agentLines, toolTotals } from "./figures.ts";

test("the rate is of what ended, and none where nothing has", () => {
  const tools = [
    { tool: "Read", started: 8, completed: 6, failed: 1 },
    { tool: "Bash", started: 2, completed: 1, failed: 1 },
  ];
  expect(toolTotals(tools)).toEqual({ calls: 10, ended: 9, failed: 2, rate: 7 / 9 });
  expect(toolTotals([{ tool: "Read", started: 1, completed: 0, failed: 0 }]).rate).toBeNull();
});

test("starts without an id and ends with one are the same subagents", () => {
  const agents = [
    { agentId: null, agentType: "Explore", started: 3, completed: 0, failed: 0 },
    { agentId: "a1", agentType: "Explore", started: 0, completed: 1, failed: 0 },
    { agentId: "a2", agentType: "Explore", started: 0, completed: 0, failed: 1 },
  ];
  expect(agentLines(agents)).toEqual([{ kind: "Explore", count: 3, failed: 1, running: 1 }]);
});
