// The plain page: what the server holds, and what arrives. All text is set as text, never as markup.
const byId = (id) => document.getElementById(id);
const base = new URL(".", location.href);
const KEPT = "vibetea_token";
const SHOWN = 50;

const fragment = new URLSearchParams(location.hash.slice(1));
if (fragment.has("token")) {
  sessionStorage.setItem(KEPT, fragment.get("token"));
  history.replaceState(null, "", location.pathname + location.search);
}

class Refused extends Error {}

async function ask(path, options = {}) {
  const token = sessionStorage.getItem(KEPT);
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(new URL(path, base), { ...options, headers });
  if (answer.status === 401) throw new Refused();
  if (answer.status === 503) return null;
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.json();
}

function cell(row, text, tag = "td") {
  const element = document.createElement(tag);
  element.textContent = text;
  row.append(element);
  return element;
}

function showTotals(totals) {
  byId("holds").hidden = totals === null;
  if (totals === null) return;
  byId("nothing").hidden = totals.events > 0;
  const items = [["events", totals.events], ["sources", totals.sources], ...Object.entries(totals.byType)];
  byId("totals").replaceChildren(...items.filter(([, count]) => count > 0).map(([name, count]) => {
    const item = document.createElement("div");
    cell(item, name, "dt");
    cell(item, count.toLocaleString(), "dd");
    return item;
  }));
}

function showWeek(query) {
  byId("week").hidden = query === null;
  if (query === null) return;
  const counts = new Map();
  for (const { date, hour, eventCount } of query.aggregates) {
    const at = new Date(`${date}T${String(hour).padStart(2, "0")}:00:00Z`);
    const key = `${at.toDateString()} ${at.getHours()}`;
    counts.set(key, (counts.get(key) ?? 0) + eventCount);
  }
  const most = Math.max(1, ...counts.values());
  const rows = [];
  for (let back = 7; back >= 0; back--) {
    const day = new Date();
    day.setDate(day.getDate() - back);
    const row = document.createElement("tr");
    cell(row, day.toLocaleDateString(undefined, { weekday: "short", day: "numeric", month: "short" }), "th").scope = "row";
    for (let hour = 0; hour < 24; hour++) {
      const count = counts.get(`${day.toDateString()} ${hour}`) ?? 0;
      const square = cell(row, "");
      if (count > 0) square.className = `h${Math.ceil((4 * count) / most)}`;
      square.title = `${count} events, ${hour}:00`;
    }
    rows.push(row);
  }
  byId("heat").replaceChildren(...rows);
}

function describe(event) {
  const { payload } = event;
  return [event.type, payload.tool, payload.status ?? payload.action ?? payload.state, payload.context, payload.category]
    .filter((word) => typeof word === "string").join(" ");
}

function showEvent(event) {
  byId("live").hidden = false;
  const row = document.createElement("tr");
  cell(row, new Date(event.timestamp).toLocaleTimeString());
  cell(row, event.source);
  cell(row, typeof event.payload.project === "string" ? event.payload.project : "");
  cell(row, describe(event));
  const list = byId("events");
  list.prepend(row);
  while (list.children.length > SHOWN) list.lastElementChild.remove();
}

async function refresh() {
  const [totals, week] = await Promise.all([ask("api/v1/totals"), ask("query?days=7")]);
  showTotals(totals);
  showWeek(week);
}

let refreshing = 0;
function refreshSoon() {
  if (refreshing) return;
  refreshing = setTimeout(async () => {
    refreshing = 0;
    await refresh().catch(() => {});
  }, 1000);
}

let lastId = "";
let wait = 1000;

async function connect() {
  byId("state").textContent = "Connecting";
  try {
    const { ticket } = await ask("api/v1/ticket", { method: "POST" });
    const url = new URL("ws", base);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("ticket", ticket);
    if (lastId) url.searchParams.set("last_event_id", lastId);
    const socket = new WebSocket(url);
    socket.onopen = async () => {
      wait = 1000;
      byId("state").textContent = "Live";
      await refresh().catch(() => {});
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (!frame.control) {
        lastId = frame.id;
        showEvent(frame);
      }
      refreshSoon();
    };
    socket.onclose = retry;
  } catch (error) {
    if (error instanceof Refused) signIn();
    else retry();
  }
}

function retry() {
  byId("state").textContent = `Not connected; trying again in ${Math.round(wait / 1000)} s`;
  setTimeout(connect, wait);
  wait = Math.min(wait * 2, 30000);
}

function signIn() {
  const tried = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  byId("state").textContent = "Signed out";
  byId("refusal").textContent = tried ? "The server does not know this token." : "";
  byId("sign-in").hidden = false;
  byId("token").focus();
}

byId("sign-in").addEventListener("submit", (submit) => {
  submit.preventDefault();
  sessionStorage.setItem(KEPT, byId("token").value);
  byId("token").value = "";
  byId("sign-in").hidden = true;
  connect();
});

connect();
