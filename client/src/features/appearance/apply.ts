import type { Contrast, Theme } from "../../store/appearance.ts";

/** What the style sheet is told. A theme of the system needs no word; contrast does, as its rules are written once. */
export function attributes(theme: Theme, contrast: Contrast, systemWantsMore: boolean) {
  return {
    theme: theme === "system" ? null : theme,
    contrast: contrast === "more" || systemWantsMore ? "more" : null,
  };
}
