import { expect, test, vi } from "vitest";
import { EVERYTHING } from "../../protocol/filter.ts";

vi.mock("../../api/client.ts", () => ({ api: {} }));
const { olderQuery, queryOf } = await import("./paging.ts");

test("only what is filtered is asked for", () => {
  expect(queryOf(EVERYTHING)).toEqual({});
  expect(queryOf({ ...EVERYTHING, tool: "Read", from: 0 })).toEqual({
    tool: "Read",
    from: "1970-01-01T00:00:00.000Z",
  });
});

test("the past is asked for behind a cursor, before a moment, or not at all", () => {
  const filter = { ...EVERYTHING, source: "a", to: 5000 };
  expect(olderQuery(filter, { kind: "cursor", cursor: "c" })).toMatchObject({ source: "a", before: "c" });
  expect(olderQuery(filter, { kind: "moment", before: 1000 })).toMatchObject({
    to: "1970-01-01T00:00:01.000Z",
  });
  expect(olderQuery(EVERYTHING, { kind: "moment", before: null })).toEqual({ limit: 500 });
  expect(olderQuery(filter, { kind: "end" })).toBeNull();
});
