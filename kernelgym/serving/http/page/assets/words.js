// Numbers and names in words.
const number = (value) => Number(value).toLocaleString("en");
const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
const seconds = (value) =>
  value === null || value === undefined ? "–"
    : value < 0.0995 ? `${digits(value * 1000)} ms` : value < 0.9995 ? `${value.toFixed(2)} s` : value < 99.5 ? `${digits(value)} s`
      : value < 5400 ? `${Math.round(value / 60)} min` : `${digits(value / 3600)} h`;
const small = (value) => (value === null || value === undefined ? "–" : Number(value).toPrecision(2));
const short = (id) => id.slice(0, 10);
const clock = (at) => new Date(at * 1000).toLocaleTimeString([], { hour12: false });

function quantity(value, unit) {
  if (value === null) return `? ${unit}`; // nobody could count it
  const prefixes = ["", "k", "M", "G", "T"];
  let at = 0;
  while (value >= 999.5 && at < 4) {
    value /= 1000;
    at += 1;
  }
  return `${at ? digits(value) : value} ${prefixes[at]}${unit}`;
}

function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] : null;
}

// The outcomes of reports have words; inquiries, inspections and refusals have their own.
const OTHERS = { described: ["✓", "described", "faster"], inspected: ["✓", "inspected", "faster"], refused: ["!", "refused", "lost"] };
const WORDS = new Map([...Object.entries(DATA.outcomes), ...Object.entries(OTHERS)]);
const outcomeWords = (outcome) => WORDS.get(outcome) ?? ["?", plain(outcome), "unsupported"];
const stateOf = (outcome, speedup) =>
  outcome === "ok" && typeof speedup === "number" && speedup > 0.995 ? "faster" : outcomeWords(outcome)[2];

const jobLink = (id, words) => el("a", { href: `${BASE}jobs/${encodeURIComponent(id)}`, class: "id" }, words ?? short(id));
const section = (title, ...content) => el("section", {}, el("h2", {}, title), content);

const who = (text) => el("div", { class: "who" }, text);
const words = (text) => el("div", { class: "text-cell" }, text);

function bar(parts) {
  const whole = el("div", { class: "share", "aria-hidden": "true" });
  for (const [state, share] of parts) {
    const part = el("i", { class: `at-${state}` });
    part.style.flexGrow = share;
    whole.append(part);
  }
  return whole;
}
