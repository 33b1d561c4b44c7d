FIGURES.fast = (data) => {
  const share = { tickformat: ".0%", range: [0, 1.02], title: "share of all episodes" };
  const hover = "p = %{x:.2f}: %{y:.1%}";
  const earlier = data.earlier.map(([turn, value], index) => ({
    x: data.p, y: value, name: `best of ${turn} turn${turn > 1 ? "s" : ""}`, mode: "lines", hovertemplate: hover,
    line: { color: colour("series-3"), width: 1.5, shape: "hv", dash: ["dot", "dash", "dashdot"][index % 3] },
  }));
  return {
    traces: [
      ...earlier,
      ...(earlier.length ? band(data.p, data.best, "best of all turns", colour("series-1"), { hover, shape: "hv" }) : []),
      ...band(data.p, data.last, earlier.length ? "last turn" : "the only turn", colour("series-2"), { hover, shape: "hv", dash: "6px,2px" }),
    ],
    layout: layout({ xaxis: axis({ title: "p, speedup over the reference", ticksuffix: "×", range: [0, 4] }), yaxis: axis(share) }),
  };
};

FIGURES.reward = (data) => {
  const more = { mode: "lines+markers", hover: "turn %{x}: %{y:.3f}" };
  return {
    traces: [
      ...band(data.turns, data.best, "best so far", colour("series-1"), more),
      ...band(data.turns, data.last, "this turn", colour("series-2"), { ...more, dash: "6px,2px" }),
    ],
    layout: layout({
      xaxis: axis({ title: "turn", tickmode: data.turns.length < 12 ? "array" : "auto", tickvals: data.turns, range: [0.7, data.turns.length + 0.3] }),
      yaxis: axis({ title: "mean reward", rangemode: "tozero" }),
    }),
  };
};

const HALF = 0.13; // of a bar's width, in turns

// Stacked bars, and between them a ribbon for each way that episodes went; heights are shares of all episodes.
FIGURES.flow = (data) => {
  if (!data.episodes) return null;
  const whole = data.episodes;
  const ribbons = data.moves.flatMap((move, turn) => ribbonsBetween(data, move, turn));
  const bars = data.states.map((state, row) => ({
    type: "bar", name: DATA.states[state], width: 2 * HALF, marker: { color: colour(`state-${state}`), line: { width: 1, color: colour("card") } },
    x: data.stays.map((_, turn) => turn + 1), y: data.stays.map((counts) => counts[row] / whole),
    customdata: data.stays.map((counts) => counts[row]), hovertemplate: `%{customdata} of ${whole}, %{y:.1%}<extra>${DATA.states[state]}</extra>`,
    text: data.stays.map((counts) => (counts[row] / whole >= 0.04 ? percent(counts[row] / whole) : "")), textposition: "inside", insidetextanchor: "middle", textangle: 0,
  }));
  return {
    traces: [...ribbons, ...bars.map(readable)],
    layout: layout({
      barmode: "stack", uniformtext: { minsize: 11, mode: "hide" },
      xaxis: axis({ tickvals: data.stays.map((_, turn) => turn + 1), ticktext: data.turns.map((turn) => (narrow() ? `${turn}` : `turn ${turn}`)), showgrid: false, title: narrow() ? "turn" : "", range: [1 - 2 * HALF, data.stays.length + 2 * HALF] }),
      yaxis: axis({ tickformat: ".0%", range: [0, 1.001], showgrid: false, title: "share of episodes" }),
    }),
  };
};

function readable(bar) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(bar.marker.color.slice(at, at + 2), 16));
  const light = 0.299 * red + 0.587 * green + 0.114 * blue > 140;
  return { ...bar, insidetextfont: { color: light ? "#101418" : "#ffffff", size: 12 } };
}

const MERGED = 0.02; // of all episodes: ribbons that are thinner have no words of their own

function ribbonsBetween(data, move, turn) {
  const bottoms = (counts) => counts.map((_, row) => counts.slice(0, row).reduce((sum, count) => sum + count, 0));
  const from = bottoms(data.stays[turn]), to = bottoms(data.stays[turn + 1]);
  const steps = [...Array(13).keys()].map((step) => step / 12), ease = (t) => t * t * (3 - 2 * t);
  const across = steps.map((t) => turn + 1 + HALF + t * (1 - 2 * HALF));
  const ribbons = [], thin = new Map();
  move.forEach((row, old) => row.forEach((count, next) => {
    if (!count) return;
    const edge = (offset) => steps.map((t) => (from[old] + offset + ease(t) * (to[next] - from[old])) / data.episodes);
    const x = [...across, ...[...across].reverse()], y = [...edge(0), ...edge(count).reverse()];
    const fillcolor = faded(colour(`state-${data.states[next]}`), old === next ? 0.2 : 0.38);
    const words = `${DATA.states[data.states[old]]} → ${DATA.states[data.states[next]]}: ${count}`;
    const ribbon = { x, y, mode: "lines", fill: "toself", fillcolor, line: { width: 0 }, showlegend: false };
    if (count / data.episodes >= MERGED) ribbons.push({ ...ribbon, hoveron: "fills", text: words, hoverinfo: "text" });
    else if (thin.has(fillcolor)) thin.get(fillcolor).x.push(null, ...x), thin.get(fillcolor).y.push(null, ...y);
    else thin.set(fillcolor, { ...ribbon, hoverinfo: "skip" });
    from[old] += count;
    to[next] += count;
  }));
  return [...thin.values(), ...ribbons];
}

FIGURES.speedups = (data) => {
  if (!data.edges.length) return null;
  const middles = data.best.map((_, bin) => Math.sqrt(data.edges[bin] * data.edges[bin + 1]));
  const widths = middles.map((_, bin) => (data.edges[bin + 1] - data.edges[bin]) * 0.94);
  const range = [Math.log10(data.edges[0]) - 0.05, Math.log10(data.edges.at(-1)) + 0.05];
  const ticks = [1 / 512, 1 / 128, 1 / 32, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 32, 128, 512].filter((x) => Math.log10(x) >= range[0] && Math.log10(x) <= range[1]);
  const outline = data.last.flatMap((count, bin) => [[data.edges[bin], count], [data.edges[bin + 1], count]]);
  const most = Math.max(...data.best, ...data.last);
  const [mean, low, high] = data.mean;
  const hover = data.best.map((_, bin) => `${factor(data.edges[bin])} to ${factor(data.edges[bin + 1])}`);
  return {
    traces: [
      { type: "bar", name: "best turn", x: middles, y: data.best, width: widths, marker: { color: faded(colour("series-1"), 0.75) }, text: hover, textposition: "none", hovertemplate: "%{text}: %{y} episodes<extra></extra>" },
      { name: "last turn", x: outline.map((point) => point[0]), y: outline.map((point) => point[1]), mode: "lines", line: { color: colour("series-2"), width: 2 }, hoverinfo: "skip" },
    ],
    layout: layout({
      xaxis: axis({ type: "log", range, tickvals: ticks, ticktext: ticks.map((x) => (x < 1 ? `1/${Math.round(1 / x)}×` : `${x}×`)), title: "speedup over the reference" }),
      yaxis: axis({ title: "episodes", range: [0, most * 1.25], dtick: most < 8 ? 1 : undefined }),
      shapes: [rule(1, colour("muted"), "dash"), ...(mean ? [rule(mean, colour("series-1"), "solid")] : [])],
      annotations: mean ? [{
        x: Math.log10(mean), y: 1, yref: "paper", yanchor: "top", xanchor: Math.log10(mean) > (range[0] + range[1]) / 2 ? "right" : "left", showarrow: false, bgcolor: faded(colour("card"), 0.8),
        text: `geometric mean ${factor(mean)}${low === null ? "" : `<br>${factor(low)} – ${factor(high)}`}`, font: { size: 12 }, align: "left",
      }] : [],
    }),
  };
};

const rule = (x, hue, dash) => ({ type: "line", x0: x, x1: x, y0: 0, y1: 1, yref: "paper", line: { color: hue, width: 1.5, dash } });

const BOUNDS = { memory: ["series-1", "circle"], compute: ["series-2", "diamond"], latency: ["state-hack", "triangle-up"] };

FIGURES.roofline = (data) => {
  if (!data.points.length) return null;
  const across = data.points.map((point) => point[2]), up = data.points.map((point) => point[3]);
  const roofs = data.roofs ? roofLines(data.roofs, across) : { traces: [], annotations: [], top: Math.max(...up) };
  const kinds = [...Object.keys(BOUNDS).map((bound) => [bound, true]), [null, false]];
  const traces = kinds.map(([bound, own]) => {
    const chosen = data.points.filter((point) => point[1] === own && (!own || point[4] === bound));
    const [hue, symbol] = own ? BOUNDS[bound] : ["series-3", "square-open"];
    return {
      name: own ? `${bound}-bound kernel` : "PyTorch operator", mode: "markers", x: chosen.map((point) => point[2]), y: chosen.map((point) => point[3]),
      marker: { color: colour(hue), symbol, opacity: own ? 0.75 : 0.6, size: chosen.map((point) => Math.min(22, 8 + 2 * Math.log2(point[7]))), line: { width: own ? 1 : 1.5, color: own ? colour("card") : colour(hue) } },
      customdata: chosen.map((point) => point[8]),
      text: chosen.map((point) => `<b>${label(point[0])}</b><br>${point[5]} % of its roofline, ${digits(point[6] / 1000)} µs<br>in ${point[7]} turn${point[7] === 1 ? "" : "s"}, first in ${label(DATA.episodes[point[8]].p)} #${DATA.episodes[point[8]].s}`),
      hovertemplate: "%{text}<br>%{x:.3s} flop/B, %{y:.3s}flop/s<extra></extra>",
      meta: chosen.map((point) => `${DATA.episodes[point[8]].a}/turn${point[9]}`),
    };
  }).filter((trace) => trace.x.length);
  const powers = (values) => [Math.floor(Math.log10(Math.min(...values))), Math.log10(Math.max(...values)) + 0.5];
  return {
    traces: [...roofs.traces, ...traces],
    layout: layout({
      xaxis: axis({ type: "log", title: "flop per byte of device memory", range: powers(roofs.corner ? [...across, roofs.corner * 3] : across), ...tens }),
      yaxis: axis({ type: "log", title: "achieved flop/s", range: powers([...up, roofs.top]), ...tens }),
      annotations: roofs.annotations,
    }),
    open: (point) => point.data.meta && point.data.meta[point.pointIndex],
  };
};

const POWERS = [...Array(24).keys()].map((step) => step - 6);
const PREFIXES = ["", "k", "M", "G", "T", "P"];
const tens = {
  tickvals: POWERS.map((power) => 10 ** power),
  ticktext: POWERS.map((power) => (power < 0 ? String(10 ** power) : `${10 ** (power % 3)}${PREFIXES[Math.floor(power / 3)]}`)),
};

function roofLines(roofs, across) {
  const start = 10 ** Math.floor(Math.log10(Math.min(...across)));
  const peak = Math.max(...roofs.peaks.map((found) => found[0]));
  const end = Math.max(...across, (peak / roofs.bandwidth) * 3) * 3.2;
  const line = { color: colour("roof"), width: 1.5 };
  const traces = roofs.peaks.map(([height], index) => ({
    x: [height / roofs.bandwidth, end], y: [height, height], mode: "lines", line: { ...line, dash: index === roofs.peaks.length - 1 ? "solid" : "dot" }, hoverinfo: "skip", showlegend: false,
  }));
  traces.push({ x: [start, peak / roofs.bandwidth], y: [start * roofs.bandwidth, peak], mode: "lines", line, hoverinfo: "skip", showlegend: false });
  const names = roofs.peaks.map(([height, name]) => ({
    x: Math.log10(end) - 0.5, y: Math.log10(height), xanchor: "right", yanchor: height === peak ? "bottom" : "top", text: `${name} ${digits(height / 1e12)} Tflop/s`, showarrow: false, font: { size: 11, color: colour("muted") }, bgcolor: faded(colour("card"), 0.75),
  }));
  names.push({
    ...(narrow() ? { x: 0.98, y: 0.02, xanchor: "right", yanchor: "bottom" } : { x: 0.02, y: 0.98, xanchor: "left", yanchor: "top" }), xref: "paper", yref: "paper", showarrow: false, font: { size: 12, color: colour("muted") },
    text: `${label(roofs.title)}: ${roofs.bandwidth_words}`,
  });
  return { traces, annotations: names, top: peak, corner: peak / roofs.bandwidth };
}
