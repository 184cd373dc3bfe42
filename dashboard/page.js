// Takes the server's events and puts them on the page. Rows, tiles and lines are kept and changed in
// place, so that the keyboard's focus and a screen reader's place survive an update.
"use strict";

const rowsPerPart = 50;  // as the server sends
const logLinesMax = 300;
const $ = (id) => document.getElementById(id);

const view = {revision: decodeURIComponent(location.hash.slice(1)), from: 0};
let points = [];
let columns = [];
let charts = null;
let source = null;
let state = null;

// --- Small things.

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function put(id, text) {
  setText($(id), text);
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function number(value) {
  return value.toLocaleString("en-US");
}

function plural(n, one, many) {
  return number(n) + " " + (n === 1 ? one : many);
}

// Makes the children of `parent` one for each item, in order; `make` and `fill` build and update.
function sync(parent, items, key, make, fill) {
  const old = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const child = old.get(name) || make(item);
    child.dataset.key = name;
    old.delete(name);
    fill(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const gone of old.values()) {
    if (gone.contains(document.activeElement)) focusAfter(gone);
    gone.remove();
  }
}

// The focused row goes away: its neighbour's button, else the heading, so that the keyboard is not lost.
function focusAfter(gone) {
  const next = gone.nextElementSibling || gone.previousElementSibling;
  const button = next && next.querySelector("button");
  (button || $("queue-heading")).focus();
}

// --- The parts of the page.

function showNow(one) {
  const last = points[points.length - 1];
  const sum = (name) => points.reduce((all, point) => all + point[name], 0);
  const answered = sum("good") + sum("e4xx") + sum("e5xx");
  put("waiting", number(one.waiting));
  put("waiting-hint", one.waiting > 0 ? (one.bytes_waiting / 1024).toFixed(0) + " KiB held for them" : "requests in the queue");
  put("running", number(one.running));
  put("running-hint", one.held > 0 ? one.held + " of them left by their client" : "requests at pods");
  put("pods-ready", one.pods_ready + " / " + one.pods_total);
  put("pods-hint", one.pods_total > one.pods_ready ? "the others start or stop" : "can take requests");
  put("busy", last && last.busy !== null ? percent(last.busy) : "–");
  put("p95", last ? shortTime(last.p95) : "–");
  put("success", answered > 0 ? (sum("good") / answered * 100).toFixed(1).replace(/\.0$/, "") + " %" : "–");
  put("cold-starts", number(one.totals.cold_starts));
  put("cold-hint", one.mean_start_s !== null ? shortTime(one.mean_start_s) + " on average until ready" : "pods that became ready");
  put("sessions", one.affinity ? number(one.sessions) : "off");
  put("sessions-hint", one.affinity ? "browsers with a pod of their own" : "this service has no affinity");
  put("concurrency", one.concurrency === 0 ? "any number" : plural(one.concurrency, "request", "requests"));
}

function stateText(pod) {
  const names = {backing_off: "failing, set aside", reserved: "busy elsewhere, next slot asked for", starting: "loading", pending: "pending"};
  const name = names[pod.state] || pod.state;
  return pod.asked_s !== undefined ? name + ", " + shortTime(pod.asked_s) : name;
}

function workText(pod) {
  const parts = (pod.requests || []).map((request) =>
    (request.control ? "control: " : "") + request.what + " – " + shortTime(request.running_s));
  const listed = (pod.requests || []).filter((request) => !request.control).length;
  if (pod.in_flight - pod.held > listed) parts.push("and " + (pod.in_flight - pod.held - listed) + " more");
  if (pod.held > 0) parts.push("works on for a client that left");
  if (pod.reason) parts.push(pod.reason);
  if (parts.length > 0) return parts.join("; ");
  return pod.state === "idle" ? "free" : "";
}

function makePod() {
  const tile = document.createElement("li");
  const top = element("div", "top");
  top.append(element("span", "name"), element("span", "state"));
  tile.append(top, element("div", "work"), element("div", "more"));
  return tile;
}

function fillPod(tile, pod) {
  tile.dataset.state = pod.state;
  setText(tile.querySelector(".name"), pod.name);
  setText(tile.querySelector(".state"), stateText(pod));
  setText(tile.querySelector(".work"), workText(pod));
  const more = [];
  if (pod.sessions > 0) more.push(plural(pod.sessions, "session", "sessions"));
  if (pod.pinned > 0) more.push(pod.pinned + " waiting for this pod");
  setText(tile.querySelector(".more"), more.join(", "));
}

function showPods(one) {
  sync($("pods"), one.pods, (pod) => pod.name, makePod, fillPod);
  $("pods-empty").hidden = one.pods_total > 0;
  $("pods-more").hidden = one.pods_total <= one.pods.length;
  put("pods-more", "and " + (one.pods_total - one.pods.length) + " more");
}

function makeRow(row) {
  const made = document.createElement("tr");
  for (let i = 0; i < 5; ++i) made.append(document.createElement("td"));
  const button = element("button", "", "Cancel");
  button.type = "button";
  button.addEventListener("click", () => cancel(row.id, button));
  made.cells[4].append(button);
  return made;
}

function fillRow(made, row) {
  setText(made.cells[0], number(row.position));
  setText(made.cells[1], row.what + (row.pod ? " (session on " + row.pod + ")" : ""));
  setText(made.cells[2], shortTime(row.waited_s));
  const about = row.estimate_s === null ? "unknown" : row.estimate_s < 0.5 ? "any moment" : shortTime(row.estimate_s);
  setText(made.cells[3], about);
  made.querySelector("button").setAttribute("aria-label", "Cancel request at place " + row.position);
}

function showQueue(one) {
  const queue = one.queue;
  sync($("queue").tBodies[0], queue.rows, (row) => row.id, makeRow, fillRow);
  $("queue-box").hidden = one.waiting === 0;
  $("queue-empty").hidden = one.waiting > 0;
  view.from = queue.from;
  const to = queue.from + queue.rows.length;
  put("range", queue.rows.length === 0 ? "" : "Places " + number(queue.from + 1) + "–" + number(to) + " of " + number(one.waiting));
  $("first").disabled = $("previous").disabled = queue.from === 0;
  $("next").disabled = $("last").disabled = to >= one.waiting;
  $("pager").hidden = one.waiting <= rowsPerPart;
  put("mean-run", one.mean_run_s === null ? "not known yet" : shortTime(one.mean_run_s));
  put("mean-start", one.mean_start_s === null ? "not known yet" : shortTime(one.mean_start_s));
}

function showTotals(one) {
  const t = one.totals;
  const seconds = (value) => number(Math.round(value)) + " s";
  const items = [
    ["requests", "Requests ended", number(t.requests)], ["good", "Succeeded", number(t.good)],
    ["client_errors", "4xx", number(t.client_errors)], ["server_errors", "5xx", number(t.server_errors)],
    ["no_answer", "No answer", number(t.no_answer)],
    ["dispatches", "Sent to pods", number(t.dispatches)], ["redispatches", "Sent again", number(t.redispatches)],
    ["refused", "Refused, queue full", number(t.refused)], ["expired", "Waited too long", number(t.expired)],
    ["abandoned", "Left by their client", number(t.abandoned)], ["cancelled", "Cancelled here", number(t.cancelled)],
    ["hit", "Affinity: hits", number(t.hit)], ["moved", "Affinity: moved", number(t.moved)],
    ["new", "Affinity: new", number(t.new)], ["rejected", "Affinity: bad cookie", number(t.rejected)],
    ["gpu_busy", "GPU time busy", seconds(one.slot_seconds.busy)],
    ["gpu_held", "GPU time for departed clients", seconds(one.slot_seconds.held)],
    ["gpu_idle", "GPU time idle", seconds(one.slot_seconds.idle)]];
  const make = () => {
    const item = document.createElement("div");
    item.append(document.createElement("dt"), document.createElement("dd"));
    return item;
  };
  sync($("totals"), items, (item) => item[0], make, (item, [name, label, value]) => {
    setText(item.firstElementChild, label);
    item.lastElementChild.id = "total-" + name;
    setText(item.lastElementChild, value);
  });
}

function showRevisions() {
  const select = $("revision");
  const named = (revision) => revision.key + " (" + revision.waiting + " waiting, " + revision.pods_ready + " ready)";
  const make = (revision) => {
    const option = document.createElement("option");
    option.value = revision.key;
    return option;
  };
  sync(select, state.revisions, (revision) => revision.key, make, (option, revision) => setText(option, named(revision)));
  if (state.selected && document.activeElement !== select) select.value = state.selected.key;
  const hidden = state.revisions_total - state.revisions.length;
  put("revision-note", hidden > 0 ? "and " + hidden + " more; add #NAMESPACE/REVISION to the address" : "");
}

function showState() {
  showRevisions();
  const one = state.selected;
  if (!one) {
    put("lead", "No revision is served here yet.");
    return;
  }
  document.title = "Sluice – " + one.service + ": " + one.waiting + " waiting";
  showNow(one);
  showPods(one);
  showQueue(one);
  showTotals(one);
}

function showLog(lines) {
  const several = state && state.revisions_total > 1;
  for (const line of lines) {
    const item = document.createElement("li");
    const time = element("time", "", clock(line.at, true));
    time.dateTime = new Date(line.at).toISOString();
    item.append(time);
    if (several) item.append(element("span", "service", line.service + " "));
    item.append(element("span", "", line.text));
    $("log").prepend(item);
  }
  while ($("log").children.length > logLinesMax) $("log").lastElementChild.remove();
  $("log-empty").hidden = $("log").children.length > 0;
}

// --- What one can do.

async function cancel(id, button) {
  // Not `disabled`: that would take the keyboard's focus away before its row's neighbour can have it.
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const answer = await fetch("api/requests/" + id + "/cancel", {method: "POST", headers: {"X-Sluice-Admin": "cancel"}});
    const problem = answer.ok ? null : await answer.json();
    put("said", answer.ok ? "The request was cancelled; its client has been told." : problem.title + ": " + problem.detail);
  } catch (failure) {
    put("said", "Not cancelled: the server did not answer.");
  }
  button.removeAttribute("aria-disabled");
}

function goTo(from) {
  view.from = Math.max(0, from);
  connect();
}

// --- The stream.

function link(name, text) {
  $("link").dataset.state = name;
  put("link", text);
}

function pointOf(values) {
  return Object.fromEntries(columns.map((name, i) => [name, values[i]]));
}

function connect() {
  if (source) source.close();
  const query = new URLSearchParams({revision: view.revision, from: view.from});
  const mine = source = new EventSource("api/events?" + query);
  let first = true;
  mine.addEventListener("history", (event) => {
    const history = JSON.parse(event.data);
    columns = history.columns;
    points = history.points.map(pointOf);
    charts.show(points);
  });
  mine.addEventListener("point", (event) => {
    points.push(pointOf(JSON.parse(event.data)));
    while (points.length > 0 && points[0].at < points[points.length - 1].at - historyMs) points.shift();
    charts.show(points);
    if (state) showState();
  });
  mine.addEventListener("state", (event) => {
    state = JSON.parse(event.data);
    link("live", "live");
    showState();
  });
  mine.addEventListener("log", (event) => {
    if (first) $("log").replaceChildren();  // a new stream tells all of it again
    first = false;
    showLog(JSON.parse(event.data));
  });
  mine.addEventListener("error", () => {
    first = true;
    link("lost", "no connection; trying again");
    // The browser tries again by itself unless the server refused.
    if (mine.readyState === EventSource.CLOSED && mine === source) setTimeout(() => mine === source && connect(), 5000);
  });
}

function begin() {
  charts = new Charts();
  $("revision").addEventListener("change", (event) => {
    view.revision = event.target.value;
    history.replaceState(null, "", "#" + view.revision);
    goTo(0);
  });
  const last = () => Math.floor((state.selected.waiting - 1) / rowsPerPart) * rowsPerPart;
  $("first").addEventListener("click", () => goTo(0));
  $("previous").addEventListener("click", () => goTo(view.from - rowsPerPart));
  $("next").addEventListener("click", () => goTo(view.from + rowsPerPart));
  $("last").addEventListener("click", () => goTo(last()));
  addEventListener("pagehide", () => source && source.close());
  connect();
}

begin();
