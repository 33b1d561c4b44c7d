// What a page of runs holds beside its text.
const DATA = JSON.parse(document.getElementById("data").textContent);
const SVG_TEXT = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };

// Charts read a few tags in their labels; a label of ours has none but those that a figure adds itself.
const label = (text) => String(text).replace(/[&<>]/g, (sign) => SVG_TEXT[sign]);

// Returns what is kept in the document as gzip in base64.
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")));
}

function stateOf([outcome, speedup]) {
  return outcome === "ok" && speedup !== null && speedup > 0.995 ? "faster" : DATA.outcomes[outcome][2];
}
