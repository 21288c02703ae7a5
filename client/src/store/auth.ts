import { createStore } from "zustand/vanilla";

const NAME = "vibetea_token";

/** Where a token is kept: for this tab, or on this device if the person asks for it. */
export interface TokenPlaces {
  tab: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  device: Pick<Storage, "getItem" | "setItem" | "removeItem">;
}

/** The token in use; null until one is given. */
export const authStore = createStore<{ token: string | null }>(() => ({ token: null }));

/** The token of an address such as `/#token=…`. */
export function tokenOf(hash: string): string | null {
  return new URLSearchParams(hash.replace(/^#\/?/, "")).get("token") || null;
}

/** Takes up the token that was kept. */
export function restoreToken({ tab, device }: TokenPlaces): void {
  authStore.setState({ token: tab.getItem(NAME) ?? device.getItem(NAME) });
}

/** Keeps a token in one place alone. */
export function keepToken(places: TokenPlaces, token: string, onDevice: boolean): void {
  forgetToken(places);
  (onDevice ? places.device : places.tab).setItem(NAME, token);
  authStore.setState({ token });
}

/** Puts a token into the place of the one in use, where that is kept. */
export function replaceToken(places: TokenPlaces, token: string): void {
  keepToken(places, token, places.device.getItem(NAME) !== null);
}

/** Forgets the token everywhere. */
export function forgetToken({ tab, device }: TokenPlaces): void {
  tab.removeItem(NAME);
  device.removeItem(NAME);
  authStore.setState({ token: null });
}
