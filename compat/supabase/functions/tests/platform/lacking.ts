// A test as on a machine without PostgreSQL, which another test runs in a process of its own.

import { databaseTest } from "./postgres.ts";

await databaseTest(
  "a test that needs a database",
  () => Promise.reject(new Error("it was run without one")),
  () => Promise.resolve("there is no PostgreSQL here"),
);
