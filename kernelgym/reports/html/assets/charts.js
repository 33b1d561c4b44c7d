// What all figures share: colours from the style sheet, so that they follow the reader's light or dark.
const FIGURES = {};
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const narrow = () => window.innerWidth < 700;

function faded(hex, alpha) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${alpha})`;
}

function axis(more = {}) {
  return {
    gridcolor: colour("line"), zerolinecolor: colour("line"), linecolor: colour("muted"), tickcolor: colour("line"),
    automargin: true, fixedrange: narrow(), ...more, title: { text: more.title || "", standoff: 8 },
  };
}

function layout(more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colour("ink") },
    margin: { l: 48, r: 12, t: 12, b: 44 }, hovermode: "closest", dragmode: narrow() ? false : "zoom",
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink"), size: 13 } },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 }, traceorder: "normal" },
    ...more,
  };
}

// A line and the band of its interval, as one entry of the legend.
function band(x, curve, name, hue, more = {}) {
  const shape = more.shape || "linear";
  const edge = { x, mode: "lines", line: { width: 0, shape }, hoverinfo: "skip", showlegend: false, legendgroup: name };
  const known = curve.low.every((value) => value !== null);
  return [
    ...(known ? [{ ...edge, y: curve.low }, { ...edge, y: curve.high, fill: "tonexty", fillcolor: faded(hue, 0.16) }] : []),
    { x, y: curve.value, name, legendgroup: name, mode: more.mode || "lines", line: { color: hue, width: 2.5, shape, dash: more.dash },
      marker: { size: 8 }, hovertemplate: more.hover },
  ];
}

function draw(name) {
  const place = document.querySelector(`[data-chart="${name}"]`);
  const figure = FIGURES[name](DATA.charts[name]);
  if (figure === null) {
    place.replaceChildren(el("p", { class: "note" }, "There is nothing to draw."));
    return;
  }
  const options = { responsive: true, displaylogo: false, displayModeBar: false, scrollZoom: false };
  Plotly.react(place, figure.traces, figure.layout, options);
  if (figure.open && !place.dataset.open) {
    place.dataset.open = "yes";
    place.on("plotly_click", (event) => {
      const to = figure.open(event.points[0]);
      if (to) location.hash = to;
    });
  }
}

// The library is half of the page's work, so it begins when the rest has been painted.
let library = null;
function loadLibrary() {
  library ??= new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))
    .then(() => unpacked("library"))
    .then((found) => found.text())
    .then((text) => document.head.append(el("script", {}, text)));
  return library;
}

// One figure at a time, with a breath in between: the page answers while it draws. False if it was left meanwhile:
// a figure that nobody sees has no size.
async function drawAll() {
  await loadLibrary();
  for (const name of Object.keys(FIGURES)) {
    if (document.getElementById("overview").hidden) return false;
    draw(name);
    await new Promise((resume) => setTimeout(resume));
  }
  return true;
}
