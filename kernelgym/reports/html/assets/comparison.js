// The figures of a comparison: one colour for each run, the same in both.
const SERIES = ["series-1", "series-2", "state-hack", "state-faster", "state-failed", "series-3"];
const hueOf = (run) => colour(SERIES[run % SERIES.length]);

FIGURES.curves = (data) => {
  const hover = "p = %{x:.2f}: %{y:.1%}";
  return {
    traces: data.runs.flatMap((run, index) => [
      ...band(data.p, run.best, label(run.name), hueOf(index), { hover, shape: "hv" }),
      ...band(data.p, { ...run.last, low: [null] }, `${label(run.name)}, last turn`, hueOf(index), { hover, shape: "hv", dash: "4px,3px" }),
    ]),
    layout: layout({
      xaxis: axis({ title: "p, speedup over the reference", ticksuffix: "×", range: [0, 4] }),
      yaxis: axis({ tickformat: ".0%", range: [0, 1.02], title: "share of all episodes" }),
    }),
  };
};

FIGURES.changes = (data) => ({
  traces: data.pairings.map((pairing, index) => ({
    name: label(pairing.name), mode: "markers", orientation: "h", y: pairing.metrics, x: pairing.change.map((value) => 100 * value),
    marker: { size: 9, color: hueOf(index + 1) },
    error_x: {
      type: "data", symmetric: false, color: hueOf(index + 1), thickness: 2,
      array: pairing.change.map((value, row) => 100 * (pairing.high[row] - value)),
      arrayminus: pairing.change.map((value, row) => 100 * (value - pairing.low[row])),
    },
    hovertemplate: "%{y}: %{x:+.1f} points",
  })),
  layout: layout({
    xaxis: axis({ title: "change, percentage points", zeroline: true, zerolinewidth: 2, zerolinecolor: colour("muted") }),
    yaxis: axis({ autorange: "reversed", type: "category" }),
    scattermode: "group", showlegend: true,
  }),
});

drawAll().then(() => { document.documentElement.dataset.ready = String(Math.round(performance.now())); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
