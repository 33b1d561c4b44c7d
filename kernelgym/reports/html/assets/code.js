// A candidate's source: numbered, coloured, and each line with its share of time, traffic and arithmetic.
const MAX_LINES = 4000;
const MAX_COLOURED = 60000;
const WORDS = new Set(("False None True and as assert async await break class continue def del elif else except finally for from global " +
  "if import in is lambda nonlocal not or pass raise return try while with yield").split(" "));
const TOKEN = /("""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)|(#[^\n]*)|(\b\d[\w.]*)|(@?[A-Za-z_]\w*)/g;

function colouredLines(source) {
  const lines = [[]];
  const add = (text, kind) => text.split("\n").forEach((part, index) => {
    if (index) lines.push([]);
    if (part) lines.at(-1).push(kind ? el("span", { class: kind }, part) : part);
  });
  let end = 0;
  for (const found of source.length > MAX_COLOURED ? [] : source.matchAll(TOKEN)) {
    add(source.slice(end, found.index), null);
    const word = found[4];
    const kind = found[1] ? "string" : found[2] ? "comment" : found[3] ? "number"
      : WORDS.has(word) ? "keyword" : word.startsWith("@") || word === "tl" || word === "triton" || word === "torch" ? "name" : null;
    add(found[0], kind);
    end = found.index + found[0].length;
  }
  add(source.slice(end), null);
  return lines;
}

function listing(turn, texts) {
  if (turn.code === null) return el("p", { class: "note" }, "No code could be taken from the completion.");
  const lines = colouredLines(texts[turn.code].replace(/\n$/, ""));
  const timed = turn.heat.some(([, time]) => time !== null);
  const heat = new Map(turn.heat.map(([line, time, bytes, flops]) => [line, timed ? [time, bytes, flops] : [bytes, flops]]));
  const marks = new Map();
  for (const [line, text] of turn.marks) if (!marks.get(line)?.includes(text)) marks.set(line, [...(marks.get(line) || []), text]);
  const rows = lines.slice(0, MAX_LINES).flatMap((line, index) => numbered(line, index + 1, heat, marks.get(index + 1)));
  if (lines.length > MAX_LINES) rows.push(el("tr", {}, el("td", { class: "note", colspan: "5" }, `… ${lines.length - MAX_LINES} more lines`)));
  const head = ["line", ...(heat.size ? [...(timed ? ["time"] : []), "bytes", "flop"] : []), "source"];
  return el("div", { class: "listing", tabindex: "0", role: "region", "aria-label": "Code" },
    el("table", { class: "code" }, el("thead", {}, el("tr", {}, head.map((name) => el("th", { class: name === "source" ? null : "n", scope: "col" }, name)))), el("tbody", {}, rows)));
}

function numbered(line, number, heat, marks) {
  const values = heat.get(number) || [...heat.values()].slice(0, 1).flatMap((each) => each.map(() => 0));
  const share = (value) => {
    const cell = el("td", { class: "share" }, value ? percent(value) : "");
    if (value) cell.style.background = `rgba(var(--heat), ${(0.08 + 0.5 * value).toFixed(3)})`;
    return cell;
  };
  const source = el("td", { class: "source" }, line.length ? line : "\u200b");
  if (values[0] && !marks) source.style.background = `rgba(var(--heat), ${(0.04 + 0.26 * values[0]).toFixed(3)})`;
  const shares = values.map(share);
  const row = el("tr", { class: marks ? "blamed" : values.some(Boolean) ? "hot" : null }, el("td", { class: "line" }, String(number)), ...shares, source);
  const notes = (marks || []).map((text) => el("tr", {}, el("td", { colspan: String(1 + shares.length) }), el("td", { class: "why" }, text)));
  return [row, ...notes];
}
