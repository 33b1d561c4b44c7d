// Elements are made by name and text only: nothing that a run says is ever read as markup.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG_TEXT = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Charts read a few tags in their labels; a label of ours has none but those that a figure adds itself.
const label = (text) => String(text).replace(/[&<>]/g, (sign) => SVG_TEXT[sign]);

const digits = (value) =>
  value >= 99.95 ? Math.round(value).toLocaleString("en") : value >= 0.9995 ? value.toPrecision(3) : String(+value.toPrecision(3));
const factor = (value) => (value === null ? "–" : `${digits(value)}×`);
const percent = (share) =>
  share > 0 && share < 0.005 ? "<1%" : share >= 0.995 && share < 1 ? ">99%" : `${Math.round(share * 100)}%`;
const decimals = (value) => (value === null ? "–" : value.toFixed(2));

// Returns what is kept in the document as gzip in base64.
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

function stateOf([outcome, speedup]) {
  return outcome === "ok" && speedup !== null && speedup > 0.995 ? "faster" : DATA.outcomes[outcome][2];
}

function table(head, rows, numeric = []) {
  const cell = (name, text, column) =>
    el(name, { class: numeric.includes(column) ? "n" : null, scope: name === "th" ? "col" : null }, text);
  return el("div", { class: "scroll", tabindex: "0" },
    el("table", { class: "plain" },
      el("thead", {}, el("tr", {}, head.map((text, column) => cell("th", text, column)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((text, column) => cell("td", text, column)))))));
}
