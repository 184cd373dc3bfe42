"""Turns what the rounds measured into the table, the JSON and the README's part."""
import statistics

# What the top README tells: scenario, ratio, in words.
HEADLINES = (
    ("queue-proxy", "cpu_per_request_vs_haproxy", "queue-proxy: CPU per request ÷ HAProxy's"),
    ("queue-proxy", "cpu_per_request_vs_floor", "queue-proxy: CPU per request ÷ a byte relay's that parses nothing"),
    ("queue-proxy", "rss_vs_haproxy", "queue-proxy: memory ÷ HAProxy's"),
    ("tls", "cpu_per_new_handshake_vs_haproxy", "queue-proxy: CPU per TLS handshake ÷ HAProxy's"),
    ("activator", "cpu_per_request_vs_haproxy", "activator: CPU per request ÷ HAProxy's (a queue and `maxconn 1`)"),
    ("activator", "cpu_per_request_many_vs_haproxy_many", "the same with 1,000 services of 10 pods"),
    ("path", "added_p95_ms", "both: ms added to the p95 of 1,000 requests/s of 100 ms"),
    ("headline", "total_vs_ideal", "50 requests of 5 clients from zero pods: time ÷ the lower bound"),
    ("steady", "throughput_50_vs_ideal", "5 pods, 50 clients: throughput ÷ an ideal single queue's"),
    ("steady", "p99_50_vs_ideal", "5 pods, 50 clients: p99 ÷ an ideal single queue's"),
    ("waiting", "kib_per_waiting_request", "memory of one waiting request, KiB"),
    ("giving-up", "rss_growth", "clients that give up: memory at the end ÷ at the beginning"),
    ("decide", "ns_per_decision_largest", "ns for one scheduling decision, 10,000 pods and 1,000,000 waiting"),
)


def summary(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def collect(rounds):
    """[{contender: {figure: value}}, …] → {contender: {figure: {median, min, max}}}"""
    contenders = {}
    for measured in rounds:
        for name, figures in measured.items():
            for figure, value in figures.items():
                contenders.setdefault(name, {}).setdefault(figure, []).append(value)
    return {name: {figure: summary(values) for figure, values in figures.items()}
            for name, figures in contenders.items()}


def ratio(rounds, figure, ours, other):
    """The median of each round's ratio (what disturbs one round disturbs both sides of it); None
    where one of the two has no such figure."""
    try:
        pairs = [(measured[ours][figure], measured[other][figure]) for measured in rounds]
    except KeyError:
        return None
    return round(statistics.median(a / b for a, b in pairs), 4) if all(b for _, b in pairs) else None


def short(value):
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) < 2 else f"{value:.3g}"


def cell(figure):
    if figure is None:
        return "–"
    if figure["min"] == figure["max"]:
        return short(figure["median"])
    return f"{short(figure['median'])} [{short(figure['min'])} .. {short(figure['max'])}]"


def markdown(name, result):
    """One table: contenders are the columns, figures the rows; ratios under it."""
    contenders = result["contenders"]
    figures = list(dict.fromkeys(f for measured in contenders.values() for f in measured))
    if len(figures) == 1:  # many contenders, one figure: the other way round
        lines = [f"### {name}", "", f"| | {figures[0]} |", "|---|---|"]
        lines += [f"| {who} | {cell(c[figures[0]])} |" for who, c in contenders.items()]
        return "\n".join(lines + ratio_lines(result)) + "\n"
    lines = [f"### {name}", "", "| figure | " + " | ".join(contenders) + " |",
             "|---|" + "---|" * len(contenders)]
    for figure in figures:
        lines.append(f"| {figure} | " + " | ".join(cell(c.get(figure)) for c in contenders.values()) + " |")
    return "\n".join(lines + ratio_lines(result)) + "\n"


def ratio_lines(result):
    if not result["ratios"]:
        return []
    goals = result.get("goals", {})
    return ["", "| ratio | measured | goal |", "|---|---|---|"] + [
        f"| {key} | {short(value)} | {goals.get(key, '')} |"
        for key, value in result["ratios"].items() if value is not None]


def where_and_when(about):
    return (f"{about['date']}, commit {about['commit']}, {about['cpu']}, {about['cpus']} CPUs, Linux "
            f"{about['kernel']}, load before: {about['load_before']}.")


def headlines(results):
    """The short table; only of what was measured."""
    lines, told = ["| | measured | goal |", "|---|---|---|"], []
    for name, ratio_name, words in HEADLINES:
        value = results.get(name, {}).get("ratios", {}).get(ratio_name)
        if value is None:
            continue
        lines.append(f"| {words} | {short(value)} | {results[name]['goals'].get(ratio_name, '')} |")
        about = results[name]["about"]
        told.append(f"{about['date'].split()[0]}, commit {about['commit']}, {about['cpu']}")
    return "\n".join(lines) + "\n\n" + "; ".join(dict.fromkeys(told)) + ".\n"


def plain(name, result):
    """The same for a terminal: columns aligned, no bars."""
    rows = [[part.strip() for part in line.strip("|").split("|")]
            for line in markdown(name, result).splitlines() if line.startswith("|")]
    widths = {}
    for row in rows:
        for column, text in enumerate(row):
            widths[len(row), column] = max(widths.get((len(row), column), 0), len(text))
    lines = [f"\n== {name}"]
    for row in rows:
        if set("".join(row)) == {"-"}:
            lines.append("")
            continue
        lines.append("  ".join(text.ljust(widths[len(row), i]) for i, text in enumerate(row)).rstrip())
    return "\n".join(lines)
