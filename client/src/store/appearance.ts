import { createStore } from "zustand/vanilla";

export type Theme = "system" | "light" | "dark";
export type Contrast = "system" | "more";

interface Appearance {
  theme: Theme;
  contrast: Contrast;
}

const NAME = "vibetea_appearance";

export const appearanceStore = createStore<Appearance>(() => ({ theme: "system", contrast: "system" }));

/** Reads what was chosen before; anything else in that place is no choice. */
export function restoreAppearance(storage: Pick<Storage, "getItem">): void {
  try {
    const kept: unknown = JSON.parse(storage.getItem(NAME) ?? "{}");
    if (typeof kept !== "object" || kept === null) return;
    const { theme, contrast } = kept as Partial<Appearance>;
    appearanceStore.setState({
      theme: theme === "light" || theme === "dark" ? theme : "system",
      contrast: contrast === "more" ? "more" : "system",
    });
  } catch {
    // not ours
  }
}

export function chooseAppearance(storage: Pick<Storage, "setItem">, choice: Partial<Appearance>): void {
  appearanceStore.setState(choice);
  storage.setItem(NAME, JSON.stringify(appearanceStore.getState()));
}
