// rightsOf says what may be changed on a page that shows nodes, and nothing if that is all of them.
// changes is whether this console changes anything at all.
export function rightsOf(changes, now, nodes) {
  if (!changes) return "This console only shows.";
  if (!now.changes.length && now.problems.length) return ""; // perhaps nobody could tell
  if (!now.changes.length) return "You may only look: no node has an operator with your key and may: change in its file.";
  return nodes.every((n) => now.changes.includes(n)) ? "" : `You may change ${now.changes.join(", ")}.`;
}
