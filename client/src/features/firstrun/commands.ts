/** What makes events arrive at this server, as it is to be typed. `base`: where this page stands. */
export function commands(base: string): { here: string; keys: string; elsewhere: string } {
  const server = new URL(".", base);
  const url = `${server.origin}${server.pathname}`.replace(/\/$/, "");
  return {
    here: "vibetea up",
    keys: "vibetea-monitor init",
    elsewhere: `VIBETEA_SERVER_URL=${url} vibetea-monitor run`,
  };
}
