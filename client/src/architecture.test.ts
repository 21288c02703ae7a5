import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const ROOT = import.meta.dirname;
const LONGEST_COMPONENT = 150;
/** Whom the files of a folder may import from, besides their own. */
const MAY_KNOW: Record<string, readonly string[]> = {
  app: ["features", "store", "components", "api", "protocol", "lib"],
  features: ["store", "components", "api", "protocol", "lib"],
  components: ["protocol", "lib"],
  store: ["protocol", "lib"],
  api: ["protocol", "lib"],
  protocol: [],
  lib: [],
};

interface Source {
  path: string;
  text: string;
}

function sources(folder = ROOT): Source[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return sources(path);
    return /\.tsx?$/.test(name) ? [{ path: relative(ROOT, path), text: readFileSync(path, "utf8") }] : [];
  });
}

/** Every import as `[who, what]`; files of ours by their path. */
function imports(files: readonly Source[]): [string, string][] {
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:from|import) "([^"]+)"/g)].map(([, what = ""]): [string, string] => {
      return [path, what.startsWith(".") ? relative(ROOT, resolve(ROOT, dirname(path), what)) : what];
    }),
  );
}

/** Imports that the layout forbids. */
function strangers(all: readonly [string, string][]): string[] {
  return all
    .filter(([who, what]) => {
      const [from = "", feature] = who.split("/");
      const [to = "", other] = what.split("/");
      const mine = MAY_KNOW[from];
      if (!mine || who.endsWith(".test.ts")) return false;
      if (to === from) return from === "features" && feature !== other;
      if (to in MAY_KNOW) return !mine.includes(to);
      return ["store", "api", "protocol", "lib"].includes(from) && /^(react|@tanstack\/react)/.test(what);
    })
    .map(([who, what]) => `${who} imports ${what}`);
}

test("modules import only whom they may know", () => {
  expect(strangers(imports(sources()))).toEqual([]);
});

test("an import across the layout is seen", () => {
  const planted = [
    { path: "features/a/x.ts", text: 'import { y } from "../b/y.ts";' },
    { path: "store/x.ts", text: 'import { useState } from "react";' },
    { path: "lib/x.ts", text: 'import type { z } from "../protocol/z.ts";' },
  ];
  expect(strangers(imports(planted))).toHaveLength(3);
});

test("components stay short", () => {
  const long = sources()
    .filter(({ path }) => path.endsWith(".tsx"))
    .map(({ path, text }) => `${path}: ${text.trimEnd().split("\n").length}`)
    .filter((line) => Number(line.split(": ")[1]) > LONGEST_COMPONENT);
  expect(long).toEqual([]);
});
