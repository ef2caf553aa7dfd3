// The page at "/": the status and what changes, as GET /events sends them, and with each status the table that is shown. It keeps ten
// minutes of figures of its own for the graphs. Whatever comes from outside is put in as text, never as markup.
"use strict";

const kStatusMs = 2000, kSilentMs = 4 * kStatusMs, kMostLooks = 300, kLeastLooks = 30, kPageItems = 100, kMostChanges = 500;
const byId = (id) => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "onclick" || key === "onsubmit") made[key] = value;
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// --- in words -------------------------------------------------------------------------------------------------------

const whole = (number) => Math.round(number).toLocaleString("en");
function rate(number) {
  return number >= 100 || number === 0 ? whole(number) : number.toFixed(1);
}
function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; number >= 1024 && unit < units.length - 1; unit++) number /= 1024;
  return `${unit === 0 ? number : number.toFixed(1)} ${units[unit]}`;
}
function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
const ago = (stamp) => (stamp ? `${duration((Date.now() - Date.parse(stamp)) / 1000)} ago` : "");

// --- asking ---------------------------------------------------------------------------------------------------------

let token = "";  // of control.http_token_file, for as long as the page is open

async function ask(path, method = "GET") {
  const headers = token && method !== "GET" ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { method, headers, cache: "no-store", signal: AbortSignal.timeout(10000) });
  const document = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(document.message || answer.statusText), { code: answer.status });
  return document;
}

let changes = "refused";  // allowed, token, refused: GET /access

// Asks the person, then the service. Says how it ended.
async function change(question, method, path) {
  const dialog = byId("ask");
  byId("ask-text").textContent = question;
  byId("ask-token-row").hidden = changes !== "token" || token !== "";
  byId("ask-token").value = "";
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  if (byId("ask-token").value) token = byId("ask-token").value;
  try {
    await ask(path, method);
    say("Accepted.");
  } catch (error) {
    if (error.code === 401) token = "";
    say(`Refused: ${error.message}`);
  }
  showView(false);
}

let unsaid;
function say(text) {
  byId("said").textContent = text;
  clearTimeout(unsaid);
  unsaid = setTimeout(() => (byId("said").textContent = ""), 8000);
}

function button(text, question, method, path) {
  if (changes === "refused") return null;
  return element("button", { type: "button", onclick: () => change(question, method, path) }, text);
}

// --- now ------------------------------------------------------------------------------------------------------------

const looks = [];  // {at: ms, received, acknowledged, waiting, lost, in, out}, the oldest first
let status = null;

function remember(events) {
  const now = { at: performance.now(), ...events };
  const before = looks[looks.length - 1];
  // Counters that fell are those of another service.
  if (before && events.received >= before.received) {
    const seconds = (now.at - before.at) / 1000;
    now.in = (now.received - before.received) / seconds;
    now.out = Math.max(0, now.acknowledged - before.acknowledged) / seconds;
    now.losing = Math.max(0, now.lost - before.lost) / seconds;
  } else {
    looks.length = 0;
  }
  looks.push(now);
  if (looks.length > kMostLooks) looks.shift();
  return now;
}

function flow(now, spool) {
  if (now.in === undefined) return ["Looking …", ""];
  const rates = `${rate(now.in)} events/s come, ${rate(now.out)} go out`;
  if (now.losing > 0) return [`Events are being lost: ${rate(now.losing)} a second. ${rates}.`, "bad"];
  if (status.paused) return [`Paused: ${whole(now.waiting)} events wait in the spool. ${rates}.`, "warn"];
  if (spool.oldest_event_age_s > 5)
    return [`Events are delayed: the oldest has been waiting for ${duration(spool.oldest_event_age_s)}. ${rates}.`, "warn"];
  return [`Nothing is lost or delayed. ${rates}.`, "good"];
}

function draw(id, lines, unit) {
  const svg = byId(id);
  const most = Math.max(1, ...lines.flatMap((line) => line.values));
  const across = Math.max(kLeastLooks, lines[0].values.length) - 1;
  svg.replaceChildren(...lines.map((line) => {
    const points = line.values.map((value, i) =>
      `${(600 - (line.values.length - 1 - i) * (600 / across)).toFixed(1)},${(116 - 112 * value / most).toFixed(1)}`);
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    drawn.setAttribute("class", line.name);
    drawn.setAttribute("points", points.join(" "));
    return drawn;
  }));
  const last = lines.map((line) => `${line.words} ${rate(line.values[line.values.length - 1] || 0)}`).join(", ");
  const time = duration(across * kStatusMs / 1000);
  svg.setAttribute("aria-label", `Last ${time}: ${last}; at most ${rate(most)} ${unit}`);
  byId(`${id}-scale`).textContent = `up to ${rate(most)} ${unit}; the last ${time}`;
}

const kStateColours = { RUNNING: "good", DEGRADED: "warn", PAUSED: "warn", STARTING: "warn", STOPPING: "bad" };

function showStatus() {
  const { events, channels, spool, commands } = status;
  byId("name").textContent = status.name;
  document.title = `${status.state} ${status.name}`;
  const badge = byId("state");
  if (badge.textContent !== status.state) badge.textContent = status.state;  // told aloud only when it changes
  badge.className = `badge ${kStateColours[status.state] || ""}`;
  byId("about").textContent = `epics2kafka ${status.version}, process ${status.pid}, up for ${duration(status.uptime_s)}; ` +
    `command topic ${commands.topic}${commands.caught_up ? "" : ", not read to its end yet"}`;

  const now = remember(events);
  const [text, colour] = flow(now, spool);
  byId("flow").textContent = text;
  byId("flow").className = `flow ${colour}`;
  const figures = [["received", whole(events.received)], ["acknowledged by Kafka", whole(events.acknowledged)],
    ["waiting", whole(events.waiting)], ["lost", whole(events.lost)], ["channels", whole(channels.distinct)],
    ["entries connected", `${whole(channels.connected)} of ${whole(channels.total)}`],
    ["brokers", whole(status.kafka.brokers_up)], ["spool", `${bytes(spool.used_bytes)} of ${bytes(spool.max_bytes)}`]];
  byId("figures").replaceChildren(...figures.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
  const measured = looks.filter((one) => one.in !== undefined);
  draw("rates", [{ name: "in", words: "received", values: measured.map((one) => one.in) },
    { name: "out", words: "acknowledged", values: measured.map((one) => one.out) }], "a second");
  draw("lag", [{ name: "in", words: "waiting", values: looks.map((one) => one.waiting) }], "events");

  const causes = status.reasons.filter((reason) => !reason.because);
  const reasons = causes.map((reason) => element("li", { class: reason.muted && "muted" }, element("strong", {}, reason.code), ` for ${ago(reason.since).replace(" ago", "")}: `, reason.message,
    element("span", { class: "quiet" }, ` ${reason.muted ? "(muted) " : ""}More: ${reason.command}`),
    ...status.reasons.filter((one) => one.because === reason.code).map((one) => element("p", { class: "quiet" }, `Hence ${one.code}: ${one.message}`))));
  if (reasons.length === 0) reasons.push(element("li", { class: "none" }, "Nothing."));
  byId("reasons").replaceChildren(...reasons);

  const pause = byId("pause");
  pause.hidden = changes === "refused";
  pause.textContent = status.paused ? "Resume" : "Pause";
  pause.onclick = () => status.paused
    ? change("Publish again, beginning with what waits?", "PUT", "/resume")
    : change("Pause publishing? Events are received and wait in the spool until somebody resumes.", "PUT", "/pause");
}

// --- tables ---------------------------------------------------------------------------------------------------------

// columns: [title, row => text or element, what it is: kFigure, kWords, or short]
const kFigure = "figure", kWords = "words";
function table(caption, columns, rows) {
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption }, element("table", {}, element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...columns.map(([title, , figure]) => element("th", { scope: "col", class: figure }, title)))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...columns.map(([, of, figure]) => element("td", { class: figure }, of(row) ?? "")))))));
}

async function workersView() {
  const workers = status ? status.workers : (await ask("/workers")).items;
  return [table("A worker is a process; it serves a share of the channels.", [
    ["Worker", (w) => w.slot, kFigure], ["State", (w) => w.state], ["Channels", (w) => whole(w.channels), kFigure],
    ["Connected", (w) => whole(w.connected), kFigure], ["Received", (w) => whole(w.events.received), kFigure], ["Waiting", (w) => whole(w.events.waiting), kFigure],
    ["Lost", (w) => whole(w.events.lost), kFigure], ["Memory", (w) => bytes(w.rss_bytes), kFigure], ["Restarts", (w) => w.restarts, kFigure],
    ["Up for", (w) => duration(w.uptime_s), kFigure], ["Last exit", (w) => w.last_exit, kWords],
    ["", (w) => button("Restart", `Restart worker ${w.slot}? What waits is published first, as far as time allows.`, "POST", `/workers/${w.slot}/restart`)]], workers)];
}

async function hostsView() {
  const { items } = await ask("/hosts");
  return [table(`IOCs and gateways: ${items.length}`, [["Server", (h) => h.host], ["State", (h) => h.state], ["Since", (h) => ago(h.since)],
    ["Workers", (h) => h.workers.join(", ")], ["Channels", (h) => whole(h.channels), kFigure], ["Waiting", (h) => whole(h.waiting), kFigure],
    ["Events/s", (h) => rate(h.events_per_s), kFigure], ["Circuits failed", (h) => whole(h.circuits_failed), kFigure],
    ["Clock", (h) => (h.clock_skew_s === null ? "" : `${h.clock_skew_s.toFixed(3)} s`), kFigure]], items)];
}

async function rejectedView() {
  const { items } = await ask("/rejected");
  return [table("The last commands that were rejected; what they would have replaced stays.", [["Offset", (r) => `${r.partition}:${r.offset}`], ["Key", (r) => r.key],
    ["Why", (r) => r.reason, kWords], ["When", (r) => ago(r.timestamp)]], items)];
}

const changed = [];  // {time, what, before, state, text}, the newest first

function changesView() {
  return [table("What changed while this page has been open, and what stood before.", [["When", (c) => ago(c.time)], ["What", (c) => c.what, kWords],
    ["Was", (c) => c.before || ""], ["Is", (c) => c.state], ["Why", (c) => c.text, kWords]], changed)];
}

const kStates = ["", "CONNECTED", "PENDING", "NEVER_CONNECTED", "DISCONNECTED", "DENIED", "NO_TOPIC", "NOT_AUTHORISED", "NO_DATA", "QUARANTINED"];
const linkTo = (channel) => element("a", { href: `#channel=${encodeURIComponent(channel)}` }, channel);

function searchForm(query) {
  const prefix = element("input", { id: "prefix", type: "search", value: query.get("prefix") || "" });
  const state = element("select", { id: "state-of" }, ...kStates.map((one) => element("option", { value: one, selected: one === (query.get("state") || "") }, one || "any")));
  const form = element("form", { class: "search", onsubmit: (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    if (prefix.value) wanted.set("prefix", prefix.value);
    if (state.value) wanted.set("state", state.value);
    location.hash = `#channels&${wanted}`;
  } }, element("label", {}, "Name begins with ", prefix), element("label", {}, "State ", state), element("button", {}, "Search"));
  return form;
}

async function channelsView(query) {
  const asked = new URLSearchParams({ limit: kPageItems });
  for (const name of ["prefix", "state", "after", "worker"]) if (query.get(name)) asked.set(name, query.get(name));
  const { items, next } = await ask(`/channels?${asked.toString().replaceAll("+", "%20")}`);
  const parts = [searchForm(query), table(items.length === 0 ? "None." : `${items.length} entries${next ? ", and more" : ""}`, [["Channel", (e) => linkTo(e.channel)],
    ["Topic", (e) => e.topic], ["State", (e) => e.state], ["IOC", (e) => e.host], ["Worker", (e) => e.worker, kFigure],
    ["Received", (e) => whole(e.received), kFigure], ["Waiting", (e) => whole(e.waiting), kFigure], ["Lost", (e) => whole(e.lost), kFigure],
    ["Last event", (e) => (e.last_event_age_s === null ? "" : `${duration(e.last_event_age_s)} ago`), kFigure], ["Why", (e) => e.reason, kWords]], items)];
  const more = new URLSearchParams(query);
  if (query.get("after")) parts.push(element("button", { type: "button", onclick: () => history.back() }, "Back"), " ");
  if (next) {
    more.set("after", next);
    parts.push(element("a", { href: `#channels&${more}` }, "Next page"));
  }
  return parts;
}

// From the command to Kafka: the first link that is broken is what keeps events from coming.
function chain(entry) {
  const asked = entry.command_offset >= 0 ? `offset ${entry.command_offset}, mask ${entry.mask}` : `mask ${entry.mask}`;
  const connected = ["CONNECTED", "NO_TOPIC", "NOT_AUTHORISED", "NO_DATA"].includes(entry.state);
  const blocked = entry.blocked || ["NO_TOPIC", "NOT_AUTHORISED"].includes(entry.state);
  const links = [["Command", true, asked], ["Worker", entry.worker !== null, entry.worker === null ? "none" : `${entry.worker}`],
    ["IOC", connected, entry.host || "none found"],
    ["Events", entry.last_event_age_s !== null, entry.last_event_age_s === null ? "none yet" : `${whole(entry.received)}, the last one ${duration(entry.last_event_age_s)} ago`],
    ["Kafka", !blocked, blocked ? `${entry.topic} takes nothing; ${whole(entry.waiting)} wait` : `${entry.topic}, ${entry.last_offset === null ? "nothing acknowledged yet" : `partition ${entry.last_partition}, offset ${entry.last_offset}`}`]];
  const broken = links.findIndex(([, holds]) => !holds);
  return element("ol", { class: "chain" }, ...links.map(([name, , words], i) =>
    element("li", { class: i === broken ? "broken" : broken >= 0 && i > broken ? "after" : "" }, element("b", {}, name), " ", words,
      i === broken && entry.reason ? `: ${entry.reason}` : "")));
}

async function channelView(query) {
  const name = query.get("channel");
  const { entries } = await ask(`/channels/${encodeURIComponent(name)}`);
  const parts = [element("h3", {}, name)];
  for (const entry of entries) {
    parts.push(element("h4", {}, `${entry.topic}: ${entry.state}`), chain(entry),
      element("p", { class: "quiet" }, `received ${whole(entry.received)}, acknowledged ${whole(entry.acknowledged)}, waiting ${whole(entry.waiting)}, ` +
        `lost ${whole(entry.lost)}, gaps ${whole(entry.gaps)}; type ${entry.type || "not known"}, ${entry.count} elements`));
  }
  parts.push(button("Retry", `Search for ${name} anew, and end its quarantine?`, "POST", `/channels/${encodeURIComponent(name)}/retry`));
  return parts.filter((part) => part !== null);
}

const kViews = { workers: workersView, hosts: hostsView, channels: channelsView, channel: channelView, rejected: rejectedView, changes: changesView };

// The address after #: the view's name, then its query.
function chosen() {
  const query = new URLSearchParams(location.hash.slice(1) || "workers");
  const name = Object.keys(kViews).find((one) => query.has(one)) || "workers";
  return { name, query };
}

let shown = 0;
async function showView(moved) {
  const { name, query } = chosen();
  const mine = ++shown;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name === "channel" ? "channels" : name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = byId("view");
  // What somebody is at work in is not taken from under their hands.
  if (!moved && (view.contains(document.activeElement) || !document.getSelection().isCollapsed)) return;
  let parts;
  try {
    parts = await kViews[name](query);
  } catch (error) {
    parts = [element("p", { class: "alert" }, error.message)];
  }
  if (mine === shown) view.replaceChildren(...parts);
}

// --- as it comes ----------------------------------------------------------------------------------------------------

function away(why) {
  byId("away").hidden = false;
  byId("away").textContent = `The service does not answer: ${why}. What stands below is old.`;
}

let silence;
function follow() {
  const source = new EventSource("/events?status=true");
  const renew = (why, delay) => {
    source.close();
    away(why);
    clearTimeout(silence);
    silence = setTimeout(follow, delay);
  };
  const expect = () => {
    clearTimeout(silence);
    silence = setTimeout(() => renew("it has been silent for some time", 0), kSilentMs);
  };
  const note = (event) => {
    changed.unshift(JSON.parse(event.data));
    changed.length = Math.min(changed.length, kMostChanges);
  };
  source.addEventListener("standing", note);
  source.addEventListener("change", note);
  source.addEventListener("status", (event) => {
    expect();
    status = JSON.parse(event.data);
    byId("away").hidden = true;
    showStatus();
    showView(false);
  });
  source.onopen = expect;
  source.onerror = () => renew("the connection ended", kStatusMs);
  expect();
}

window.addEventListener("hashchange", () => showView(true));
ask("/access").then((access) => (changes = access.changes), () => {}).then(follow);
