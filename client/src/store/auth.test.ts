import { expect, test } from "vitest";
import { authStore, forgetToken, keepToken, replaceToken, restoreToken, tokenOf } from "./auth.ts";

const storage = () => {
  const held = new Map<string, string>();
  return {
    held,
    getItem: (name: string) => held.get(name) ?? null,
    setItem: (name: string, value: string) => void held.set(name, value),
    removeItem: (name: string) => void held.delete(name),
  };
};
const places = () => ({ tab: storage(), device: storage() });

test("a token given later takes the place of one kept on the device", () => {
  const both = places();
  keepToken(both, "old", true);
  keepToken(both, "new", false);
  restoreToken(both);
  expect(authStore.getState().token).toBe("new");
  expect([both.tab.held.size, both.device.held.size]).toEqual([1, 0]);
});

test("a token is kept on the device only when asked", () => {
  const both = places();
  keepToken(both, "t", true);
  expect([both.tab.held.size, both.device.held.size]).toEqual([0, 1]);
  restoreToken(both);
  expect(authStore.getState().token).toBe("t");
});

test.each([true, false])("a token is replaced where it is kept, on the device: %s", (onDevice) => {
  const both = places();
  keepToken(both, "old", onDevice);
  replaceToken(both, "new");
  expect([both.tab.held.size, both.device.held.size]).toEqual(onDevice ? [0, 1] : [1, 0]);
  restoreToken(both);
  expect(authStore.getState().token).toBe("new");
});

test("signing out leaves nothing behind", () => {
  const both = places();
  keepToken(both, "t", true);
  forgetToken(both);
  expect([both.tab.held.size, both.device.held.size, authStore.getState().token]).toEqual([0, 0, null]);
});

test("the token of an address is read", () => {
  expect(tokenOf("#token=a%2Bb")).toBe("a+b");
  expect([tokenOf("#/sessions"), tokenOf("#token="), tokenOf("")]).toEqual([null, null, null]);
});
