// Elements are made by name and text only: nothing that a run says is ever read as markup.
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const digits = (value) =>
  value >= 99.95 ? Math.round(value).toLocaleString("en") : value >= 0.9995 ? value.toPrecision(3) : String(+value.toPrecision(3));
const factor = (value) => (value === null ? "–" : `${digits(value)}×`);
const percent = (share) =>
  share > 0 && share < 0.005 ? "<1%" : share >= 0.995 && share < 1 ? ">99%" : `${Math.round(share * 100)}%`;
const decimals = (value) => (value === null ? "–" : value.toFixed(2));

const titled = (title, ...content) => [el("h3", {}, title), ...content];

function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function table(head, rows, numeric = []) {
  const cell = (name, text, column) =>
    el(name, { class: numeric.includes(column) ? "n" : null, scope: name === "th" ? "col" : null }, text);
  return el("div", { class: "scroll", tabindex: "0" },
    el("table", { class: "plain" },
      el("thead", {}, el("tr", {}, head.map((text, column) => cell("th", text, column)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((text, column) => cell("td", text, column)))))));
}
