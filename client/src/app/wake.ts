const LOOK_EVERY_MS = 5000;
/** Browsers slow the timers of hidden pages to one a minute; more than that means that the machine slept. */
const SLEPT_MS = 90_000;

/** Calls back when the machine woke up, the network came back, or the page is looked at again after long. */
export function watchWakeUps(wake: () => void): void {
  let looked = Date.now();
  setInterval(() => {
    const now = Date.now();
    if (now - looked > SLEPT_MS) wake();
    looked = now;
  }, LOOK_EVERY_MS);
  addEventListener("online", wake);
}
