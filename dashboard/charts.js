// The charts of the last ten minutes. Chart.js draws; here is what they show.
"use strict";

const historyMs = 10 * 60 * 1000;
const shownMsMin = 60 * 1000;  // a page that was just opened shows a minute
const tickSteps = [15, 30, 60, 120].map((seconds) => seconds * 1000);

const percent = (value) => Math.round(value * 100) + " %";
const count = (value) => String(Math.round(value * 10) / 10);

// Each chart: a title, a sentence for those who see it for the first time, and its series. A series
// takes its value from a point ({at, rps, good, ...}); null leaves a gap.
const chartList = [
  {id: "volume", title: "Requests per second", says: "Requests that ended, by how they ended.", stacked: true, unit: count,
    series: [
      {label: "succeeded", colour: "--good", value: (p) => p.good / 2},
      {label: "4xx", colour: "--warn", value: (p) => p.e4xx / 2},
      {label: "5xx", colour: "--bad", value: (p) => p.e5xx / 2},
      {label: "no answer (client left)", colour: "--idle", value: (p) => p.none / 2}]},
  {id: "success", title: "Success rate", says: "Share of answered requests that are no error of the client (4xx) or of the service (5xx).",
    unit: percent, max: 1,
    series: [
      {label: "success", colour: "--good", value: (p) => share(p.good, p.good + p.e4xx + p.e5xx)},
      {label: "4xx", colour: "--warn", value: (p) => share(p.e4xx, p.good + p.e4xx + p.e5xx)},
      {label: "5xx", colour: "--bad", value: (p) => share(p.e5xx, p.good + p.e4xx + p.e5xx)}]},
  {id: "response", title: "Response time", says: "Of the last minute, waiting included: P95 = 19 of 20 requests were faster.",
    unit: shortTime,
    series: [
      {label: "P50", colour: "--good", value: (p) => p.p50},
      {label: "P90", colour: "--accent", value: (p) => p.p90},
      {label: "P95", colour: "--violet", value: (p) => p.p95},
      {label: "P99", colour: "--bad", value: (p) => p.p99}]},
  {id: "queue", title: "Queue length", says: "Requests that wait for a pod, and those at pods.", unit: count, stepped: true,
    series: [
      {label: "waiting", colour: "--warn", value: (p) => p.waiting, fill: true},
      {label: "running", colour: "--accent", value: (p) => p.running}]},
  {id: "wait", title: "Wait before a pod", says: "19 of 20 requests of the last minute waited less.", unit: shortTime,
    series: [{label: "wait P95", colour: "--warn", value: (p) => p.waitP95}]},
  {id: "pods", title: "Pods and cold starts", says: "All pods, those that can take requests, and those that became ready just then.",
    unit: count, stepped: true,
    series: [
      {label: "all", colour: "--idle", value: (p) => p.pods},
      {label: "ready", colour: "--good", value: (p) => p.ready, fill: true},
      {label: "cold starts ended", colour: "--violet", value: (p) => p.coldStarts, bar: true}]},
  {id: "busy", title: "GPU busy", says: "Share of the slots’ time on ready pods in which a request was there. Idle GPUs cost money.",
    unit: percent, max: 1,
    series: [{label: "busy", colour: "--accent", value: (p) => p.busy, fill: true}]},
  {id: "affinity", title: "Sessions: at home or moved", says: "Answers from a session’s own pod, and from another (it was gone or too busy, or the cookie was no good).",
    unit: count, stacked: true,
    series: [
      {label: "hit", colour: "--good", value: (p) => p.hits},
      {label: "miss", colour: "--bad", value: (p) => p.misses}]},
];

function share(part, all) {
  return all > 0 ? part / all : null;
}

function shortTime(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return Math.round(seconds * 1000) + " ms";
  if (seconds < 100) return (Math.round(seconds * 10) / 10) + " s";
  return Math.floor(seconds / 60) + " min " + Math.round(seconds % 60) + " s";
}

function clock(ms, withSeconds) {
  const options = {hour: "2-digit", minute: "2-digit", hour12: false};
  if (withSeconds) options.second = "2-digit";
  return new Date(ms).toLocaleTimeString([], options);
}

function colourOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function dataset(series, chart) {
  const bars = chart.stacked || series.bar;
  return {label: series.label, type: bars ? "bar" : "line", data: [], stack: chart.stacked ? "all" : undefined,
    stepped: chart.stepped && !bars, fill: series.fill ? "origin" : false, borderWidth: bars ? 0 : 1.8, pointRadius: 0,
    pointHitRadius: 6, tension: 0, spanGaps: false, barThickness: 3};
}

function chartOptions(chart) {
  return {
    animation: false, responsive: true, maintainAspectRatio: false, parsing: false, normalized: true,
    interaction: {mode: "nearest", axis: "x", intersect: false},
    scales: {
      x: {type: "linear", offset: false, grid: {display: false, offset: false},
        ticks: {maxRotation: 0, callback: (value) => clock(value, value % 60000 !== 0)},
        afterBuildTicks: (axis) => {
          const step = tickSteps.find((ms) => (axis.max - axis.min) / ms <= 5) || tickSteps[tickSteps.length - 1];
          axis.ticks = [];
          for (let at = Math.ceil(axis.min / step) * step; at <= axis.max; at += step) axis.ticks.push({value: at});
        }},
      y: {beginAtZero: true, suggestedMax: chart.max || 1, max: chart.max, stacked: Boolean(chart.stacked), grid: {drawBorder: false},
        ticks: {maxTicksLimit: 5, callback: (value) => chart.unit(value)}},
    },
    plugins: {
      legend: {position: "bottom", labels: {boxWidth: 10, boxHeight: 10, padding: 9}},
      tooltip: {callbacks: {title: (items) => clock(items[0].parsed.x, true),
        label: (item) => item.dataset.label + ": " + chart.unit(item.parsed.y)}},
    },
  };
}

function buildPanel(chart) {
  const panel = document.createElement("div");
  panel.className = "chart";
  const title = document.createElement("h3");
  title.textContent = chart.title;
  const says = document.createElement("p");
  says.className = "hint";
  says.textContent = chart.says;
  const plot = document.createElement("div");
  plot.className = "plot";
  const canvas = document.createElement("canvas");
  canvas.id = "chart-" + chart.id;
  canvas.setAttribute("role", "img");
  plot.append(canvas);
  panel.append(title, says, plot);
  document.getElementById("charts").append(panel);
  return canvas;
}

// Draws points that it is given; keeps none.
class Charts {
  constructor() {
    this.drawn = chartList.map((chart) => ({chart, plot: new Chart(buildPanel(chart), {
      data: {datasets: chart.series.map((series) => dataset(series, chart))}, options: chartOptions(chart)})}));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.paint());
    this.paint();
  }

  paint() {
    Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
    for (const {chart, plot} of this.drawn) {
      chart.series.forEach((series, i) => {
        const colour = colourOf(series.colour);
        plot.data.datasets[i].borderColor = colour;
        plot.data.datasets[i].backgroundColor = series.fill ? colour + "2e" : colour;
      });
      for (const axis of Object.values(plot.options.scales)) {
        axis.ticks.color = colourOf("--soft");
        axis.grid.color = colourOf("--line");
      }
      plot.options.plugins.legend.labels.color = colourOf("--ink");
      plot.update();
    }
  }

  show(points) {
    const last = points.length > 0 ? points[points.length - 1].at : Date.now();
    const shown = points.length > 0 ? Math.max(shownMsMin, Math.min(historyMs, last - points[0].at)) : historyMs;
    for (const {chart, plot} of this.drawn) {
      plot.options.scales.x.max = last;
      plot.options.scales.x.min = last - shown;
      chart.series.forEach((series, i) => {
        plot.data.datasets[i].data = points.map((point) => ({x: point.at, y: series.value(point)}));
      });
      plot.update();
      this.describe(chart, plot.canvas, points[points.length - 1]);
    }
  }

  // For those who hear the page.
  describe(chart, canvas, point) {
    const text = (series) => {
      const value = point ? series.value(point) : null;
      return series.label + " " + (value === null ? "none" : chart.unit(value));
    };
    canvas.setAttribute("aria-label", chart.title + ", now: " + chart.series.map(text).join(", "));
  }
}
