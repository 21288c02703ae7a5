"use strict";

const KEPT_EVENTS = 50;
const REFRESH_MS = 60_000;
const MAX_RETRY_MS = 60_000;
const TOKEN = "vibetea_token";

const byId = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat();
let token = takeToken();
let lastId = null;
let retryMs = 1000;

/** The token of the address, which then leaves the address bar, or the one of this tab. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return given ?? sessionStorage.getItem(TOKEN) ?? "";
}

class Refused extends Error {}

async function call(path, method = "GET") {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { method, headers, cache: "no-store" });
  if (answer.status === 401) throw new Refused();
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

function say(text) {
  byId("status").textContent = text;
}

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function row(name, count) {
  const tr = element("tr");
  const head = element("th", name);
  head.scope = "row";
  tr.append(head, element("td", numbers.format(count)));
  return tr;
}

function figure(name, value) {
  const group = element("div");
  group.append(element("dt", name), element("dd", value));
  return group;
}

const moment = (text) => (text ? new Date(text).toLocaleString() : "–");

function showTotals(totals, aggregates) {
  byId("empty").hidden = totals.events > 0;
  byId("totals").hidden = totals.events === 0;
  byId("figures").replaceChildren(
    figure("Events", numbers.format(totals.events)),
    figure("Sources", numbers.format(totals.sources)),
    figure("Oldest", moment(totals.oldest)),
    figure("Newest", moment(totals.newest)),
  );
  const types = Object.entries(totals.byType).filter(([, count]) => count > 0);
  byId("types").replaceChildren(...types.map(([name, count]) => row(name, count)));
  const sources = new Map();
  for (const { source, eventCount } of aggregates) {
    sources.set(source, (sources.get(source) ?? 0) + eventCount);
  }
  const busiest = [...sources].sort((a, b) => b[1] - a[1]);
  byId("sources").replaceChildren(...busiest.map(([name, count]) => row(name, count)));
}

function showWeek(aggregates, now) {
  const counts = new Map();
  for (const { date, hour, eventCount } of aggregates) {
    const key = `${date} ${hour}`;
    counts.set(key, (counts.get(key) ?? 0) + eventCount);
  }
  const most = Math.max(1, ...counts.values());
  const hours = Array.from({ length: 24 }, (_, hour) => hour);
  const head = element("tr");
  head.append(element("th"), ...hours.map((hour) => element("th", String(hour))));
  byId("hours").replaceChildren(head);
  const days = Array.from({ length: 8 }, (_, back) => new Date(now - back * 86_400_000));
  byId("days").replaceChildren(
    ...days.map((day) => {
      const date = day.toISOString().slice(0, 10);
      const tr = element("tr");
      const name = element("th", date);
      name.scope = "row";
      tr.append(name);
      for (const hour of hours) {
        const count = counts.get(`${date} ${hour}`) ?? 0;
        const heat = count === 0 ? 0 : Math.ceil((4 * Math.log1p(count)) / Math.log1p(most));
        const cell = element("td", count === 0 ? "" : numbers.format(count), `h${heat}`);
        cell.title = `${date}, ${hour}:00 UTC: ${numbers.format(count)} events`;
        tr.append(cell);
      }
      return tr;
    }),
  );
  byId("week").hidden = aggregates.length === 0;
}

/** A short line about what an event says; every field is optional and comes from elsewhere. */
function describe({ type, payload }) {
  const part = (name) => (typeof payload[name] === "string" ? payload[name] : "");
  const what = {
    session: [part("action")],
    tool: [part("tool"), part("status"), part("context")],
    agent: [part("agentType"), part("state")],
    error: [part("category")],
    summary: [part("summary")],
  };
  return [...(what[type] ?? []), part("project")].filter(Boolean).join(" · ");
}

function showEvent(event) {
  byId("quiet").hidden = true;
  const line = element("li");
  const time = new Date(event.timestamp).toLocaleTimeString();
  line.append(
    element("span", time, "time"),
    element("span", event.type),
    element("span", event.source),
    element("span", describe(event)),
  );
  const list = byId("events");
  list.prepend(line);
  while (list.children.length > KEPT_EVENTS) list.lastElementChild.remove();
}

function decode(text) {
  try {
    const message = JSON.parse(text);
    const strings = ["id", "source", "timestamp", "type"].every((name) => typeof message[name] === "string");
    return strings && message.payload !== null && typeof message.payload === "object" ? message : null;
  } catch {
    return null;
  }
}

async function refresh() {
  const [totals, week] = await Promise.all([call("api/v1/totals"), call("query?days=7")]);
  if (totals === null || week === null) {
    byId("empty").textContent = "This server keeps no history; it passes live events on.";
    byId("empty").hidden = false;
    return;
  }
  showTotals(totals, week.aggregates);
  showWeek(week.aggregates, Date.parse(week.meta.fetchedAt));
}

let refreshSoon = 0;
function eventsCame() {
  if (refreshSoon) return;
  refreshSoon = setTimeout(() => {
    refreshSoon = 0;
    refresh().catch(failed);
  }, 2000);
}

async function watch() {
  const { ticket } = await call("api/v1/ticket", "POST");
  const address = new URL("ws", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  address.hash = "";
  address.search = "";
  address.searchParams.set("ticket", ticket);
  if (lastId) address.searchParams.set("last_event_id", lastId);
  const socket = new WebSocket(address);
  socket.onopen = () => {
    retryMs = 1000;
    say("Live");
  };
  socket.onmessage = ({ data }) => {
    const event = decode(data);
    if (!event) return;
    lastId = event.id;
    showEvent(event);
    eventsCame();
  };
  socket.onclose = () => again("Connection lost");
}

function again(what) {
  const wait = retryMs * (0.75 + Math.random() / 2);
  retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
  say(`${what}; trying again in ${Math.ceil(wait / 1000)} s`);
  setTimeout(start, wait);
}

function failed(error) {
  if (!(error instanceof Refused)) return again(error instanceof TypeError ? "No connection" : error.message);
  sessionStorage.removeItem(TOKEN);
  say(token ? "This token is not the right one" : "A token is needed");
  byId("ask").hidden = false;
  byId("token").focus();
}

async function start() {
  try {
    await refresh();
    byId("ask").hidden = true;
    await watch();
  } catch (error) {
    failed(error);
  }
}

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  sessionStorage.setItem(TOKEN, token);
  start();
});
setInterval(() => {
  if (document.visibilityState === "visible" && byId("ask").hidden) refresh().catch(() => {});
}, REFRESH_MS);
start();
