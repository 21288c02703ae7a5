/** What was stored before an answer was made comes by the stream without such a pause in between. */
const QUIET_MS = 300;
/** A stream that never pauses is this far behind at most. */
const MOST_MS = 3000;

const sleep = (ms: number) => new Promise<void>((over) => setTimeout(over, ms));

/** Waits until all that an answer of the server knows of has come by the stream as well; `received` counts what came. */
export async function arrived(received: () => number, wait = sleep): Promise<void> {
  let before = received();
  for (let waited = 0; waited < MOST_MS; waited += QUIET_MS) {
    await wait(QUIET_MS);
    const now = received();
    if (now === before) return;
    before = now;
  }
}
