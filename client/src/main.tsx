import { createRoot } from "react-dom/client";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/names.css";
import "./styles/shell.css";
import "./styles/gate.css";
import "./styles/stream.css";
import "./styles/sessions.css";
import "./styles/charts.css";
import "./styles/heatmap.css";
import { App } from "./app/App.tsx";
import { start } from "./app/runtime.ts";
import { restoreAppearance } from "./store/appearance.ts";

restoreAppearance(localStorage);
start();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
