import { useLayoutEffect } from "react";
import { useStore } from "zustand";
import { Choice } from "../../components/Choice.tsx";
import { Icon } from "../../components/Icon.tsx";
import { useMedia } from "../../components/useMedia.ts";
import { appearanceStore, chooseAppearance } from "../../store/appearance.ts";
import { attributes } from "./apply.ts";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;
const CONTRASTS = [
  ["system", "System"],
  ["more", "High"],
] as const;

/** Tells the style sheet what was chosen. */
export function useAppearance() {
  const { theme, contrast } = useStore(appearanceStore);
  const more = useMedia("(prefers-contrast: more)");
  useLayoutEffect(() => {
    for (const [name, value] of Object.entries(attributes(theme, contrast, more))) {
      if (value === null) document.documentElement.removeAttribute(`data-${name}`);
      else document.documentElement.setAttribute(`data-${name}`, value);
    }
  }, [theme, contrast, more]);
}

/** The switch between light and dark, and for high contrast. */
export function Appearance() {
  const { theme, contrast } = useStore(appearanceStore);
  return (
    <>
      <button
        type="button"
        className="quiet"
        popoverTarget="appearance"
        aria-label="Appearance"
        title="Appearance"
      >
        <Icon name="contrast" />
      </button>
      <div id="appearance" popover="auto" className="popover">
        <span aria-hidden="true">Theme</span>
        <Choice
          label="Theme"
          options={THEMES}
          value={theme}
          onChange={(theme) => chooseAppearance(localStorage, { theme })}
        />
        <span aria-hidden="true">Contrast</span>
        <Choice
          label="Contrast"
          options={CONTRASTS}
          value={contrast}
          onChange={(contrast) => chooseAppearance(localStorage, { contrast })}
        />
      </div>
    </>
  );
}
