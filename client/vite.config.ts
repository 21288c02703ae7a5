import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const SERVER = process.env.VIBETEA_DEV_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
  // relative addresses: the server may stand under any base path
  base: "./",
  plugins: [react()],
  build: {
    target: "es2023",
    // the page's policy allows neither data addresses nor inline script
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": SERVER,
      "/ws": { target: SERVER, ws: true },
    },
  },
  test: { include: ["src/**/*.test.ts"] },
});
