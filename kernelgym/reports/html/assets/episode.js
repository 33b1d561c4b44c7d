// One episode, turn by turn. Its details are unpacked when somebody asks for them.
const parts = new Map();

function unpack(number) {
  if (!parts.has(number)) parts.set(number, unpacked(`part-${number}`).then((found) => found.json()));
  return parts.get(number);
}

async function detailsOf(index) {
  const number = DATA.parts.findLastIndex((first) => first <= index);
  const part = await unpack(number);
  return { detail: part.episodes[index - DATA.parts[number]], texts: part.texts };
}

const text = (content) => el("pre", { tabindex: "0" }, content);

function navigation(index, entry, current) {
  const at = list.order.indexOf(index);
  const neighbour = (step, words) => {
    const other = at < 0 ? undefined : list.order[at + step];
    return other === undefined ? null : el("a", { href: DATA.episodes[other].a, rel: step < 0 ? "prev" : "next" }, words);
  };
  const turns = entry.t.map((turn, number) =>
    el("a", { href: `${entry.a}/turn${number + 1}`, "aria-current": number + 1 === current ? "page" : null, class: "turn" }, `Turn ${number + 1}: ${describe(turn)}`));
  return [
    el("nav", { class: "bar", "aria-label": "Episodes" }, el("a", { href: "#episodes", id: "back" }, "← All episodes"), neighbour(-1, "Previous"), neighbour(1, "Next")),
    el("nav", { class: "bar", "aria-label": "Turns" }, turns),
  ];
}

const CASES = ["case", "", "trials passed", "largest error", "allowed", "detail"];
const NODES = ["node", "", "µs", "time", "bound", "roofline", "moved", "computed", "registers", "spill B", "occupancy", "configuration"];

function judgement(turn) {
  const content = [];
  if (turn.findings.length) content.push(...titled("Findings", table(["rule", "severity", "evidence", "line"], turn.findings, [3])));
  if (turn.diagnostics.length) content.push(...titled("Diagnostics", table(["stage", "message", "line"], turn.diagnostics, [2])));
  if (turn.terms.length) content.push(...titled("Reward", table(["term", "value", "why"], [...turn.terms, ["sum", turn.reward, ""]], [1])));
  if (turn.profile) {
    content.push(...titled(`Profile, ${turn.profile.source}`, facts(turn.profile.facts), ...turn.profile.flags.map((words) => el("p", { class: "note odd" }, `⚠ ${words}`)),
      turn.profile.measured.length ? el("details", { class: "measured" }, el("summary", {}, "How it was measured, and what the model says"), table(["", ""], turn.profile.measured)) : null));
  }
  return content;
}

function conversation(turn, detail, texts) {
  const messages = turn.chat.length ? turn.chat : [["user", detail.prompt]];
  const note = turn.chat.length ? [] : [el("p", { class: "note" }, "This run did not keep the chat; this is the episode's first prompt.")];
  return el("details", { id: "chat" }, el("summary", {}, `Prompt: the chat as it was shown (${messages.length} message${messages.length === 1 ? "" : "s"})`), note,
    messages.map(([role, number]) => el("div", { class: `message ${role}` }, el("b", {}, role), text(texts[number]))));
}

function nodeTable(profile) {
  if (!profile.modelled.length) return table(NODES, profile.nodes, [2, 3, 5, 6, 7, 8, 9, 10]);
  const beside = (row, cell) => [...row.slice(0, 3), cell, ...row.slice(3)];
  return table(beside(NODES, "µs, modelled"), profile.nodes.map((row, number) => beside(row, profile.modelled[number])), [2, 3, 4, 6, 7, 8, 9, 10, 11]);
}

const ADVICE = ["what would help most, by the model", "line", "saves µs", "of all", "kernel", "less traffic"];

function adviceTable(profile) {
  return profile.advice.length ? titled("What would help", table(ADVICE, profile.advice, [1, 2, 3, 4, 5])) : [];
}

function partBars(profile) {
  const known = profile.parts.filter((node) => node !== null);
  if (!known.length) return [];
  const used = new Map(known.flatMap((node) => node.parts.map(([kind, words]) => [kind, words])));
  const bar = (node) => el("div", { class: "parts", role: "img", "aria-label": `${node.name}: ${node.parts.map(([, words, , time]) => `${words} ${time}`).join(", ")}` },
    node.parts.map(([kind, words, share, time]) => {
      const part = el("span", { class: `part-${kind}`, title: `${words}: ${time}` }, share > 0.12 ? words : "");
      part.style.flexGrow = String(share);
      return part;
    }));
  return titled("What each activity would take alone, modelled",
    el("ul", { class: "legend" }, [...used].map(([kind, words]) => el("li", {}, el("span", { class: `part-${kind}` }), words))),
    el("div", { class: "bars" }, known.map((node) => [el("div", { class: "code" }, node.name), bar(node)]).flat()),
    el("p", { class: "note" }, "Activities overlap, so a node takes less than their sum, and at least as long as the longest."));
}

function turnView(turn, detail, texts) {
  const nodes = turn.profile && turn.profile.nodes.length
    ? [...titled("Nodes of the program", el("div", { class: "nodes" }, nodeTable(turn.profile))), turn.profile.more ? el("p", { class: "note" }, `… and ${turn.profile.more} more`) : null,
      ...turn.profile.unpriced.map((words) => el("p", { class: "note odd" }, `no price for ${words}`)), ...partBars(turn.profile)] : [];
  const cases = turn.cases.length ? titled("Cases", table(CASES, turn.cases, [2, 3, 4])) : [];
  const bench = turn.bench ? [el("p", { class: "note" }, `The size that is timed: ${turn.bench}.`)] : [];
  const tone = turn.outcome === "ok" ? "good" : turn.outcome === "hack" ? "odd" : "bad";
  return [
    el("p", { class: `verdict ${tone}` }, `${turn.symbol} ${turn.words}`),
    el("p", { class: "note" }, [turn.why, turn.reward === "none" ? "no reward" : `reward ${turn.reward}`, turn.usage, turn.stages].filter(Boolean).join(" · ")),
    el("div", { class: "columns" },
      el("div", {}, ...titled("Code"), turn.same ? null : el("p", { class: "note" }, "The code can't be matched with the report, so no line is marked."), listing(turn, texts),
        turn.heat.length ? el("p", { class: "note" }, `${turn.heat.some(([, time]) => time !== null) ? "time: the line's share of the program's modelled time (launching and starting programs is in no line); " : ""}bytes, flop: its share of what the candidate's kernels move and compute. Only the busiest lines are known.`) : null),
      el("div", { class: "cards" }, ...titled("Feedback", el("div", { id: "feedback" }, text(texts[turn.feedback]))), ...judgement(turn))),
    el("div", { class: "cards" }, ...(turn.profile ? adviceTable(turn.profile) : []), ...nodes, ...cases, ...bench),
    conversation(turn, detail, texts),
    el("details", { id: "completion" }, el("summary", {}, "Completion, as it came"), text(texts[turn.completion])),
  ];
}

async function episodeView(index, wanted) {
  const entry = DATA.episodes[index];
  const { detail, texts } = await detailsOf(index);
  const number = Math.min(wanted || detail.best || 1, detail.turns.length);
  const turn = detail.turns[number - 1];
  const again = detail.confirmation;
  const ends = [`seed ${detail.seed}`, detail.end, detail.best ? `best turn ${detail.best}` : "", again ? `turn ${again.turn} measured again: ${again.words}, reward ${again.reward}` : ""];
  return [
    ...navigation(index, entry, number),
    el("h1", { tabindex: "-1" }, `${entry.p} #${entry.s}`),
    el("p", { class: "note" }, ends.filter(Boolean).join(" · ")),
    ...(turn ? turnView(turn, detail, texts) : [el("p", {}, "No turn was played."), conversation({ chat: [] }, detail, texts)]),
    el("p", { class: "note" }, el("kbd", {}, "←"), " ", el("kbd", {}, "→"), " turns · ", el("kbd", {}, "p"), " ", el("kbd", {}, "n"), " episodes · ", el("kbd", {}, "Esc"), " back to the list"),
  ];
}
