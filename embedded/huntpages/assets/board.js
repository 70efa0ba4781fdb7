import { Table, setText } from "/assets/dom.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// board shows the live leaderboard: the first rows, and that of a team. told hears the team's row.
export function board(most, team, told = () => {}) {
  const rows = new Map(), state = document.getElementById("state");
  const table = new Table("Leaderboard", [
    { title: "Team", of: (r) => r.team }, { title: "Rank", number: true, of: (r) => String(r.rank) }, { title: "Points", number: true, of: (r) => String(r.points) },
    { title: "Clues", number: true, of: (r) => String(r.solves) }, { title: "Last solve", of: (r) => (r.last_solve ? clock.format(new Date(r.last_solve)) : "–") },
    { title: "", of: (r) => (r.finished ? "finished" : ""), class: () => "away" },
  ], { empty: "Nobody has a point yet." });
  const stream = new EventSource("/hunt/api/score/v1/leaderboard/stream");
  stream.addEventListener("leaderboard", (event) => {
    const update = JSON.parse(event.data);
    if (update.snapshot) rows.clear();
    for (const row of update.rows) rows.set(row.team, row);
    show();
    setText(state, "live");
    state.className = "live";
  });
  stream.onerror = () => {
    setText(state, "no answer, trying again");
    state.className = "gone";
  };
  let shown = team;
  const show = () => {
    const sorted = [...rows.values()].sort((a, b) => a.rank - b.rank);
    table.update(sorted.filter((r, i) => i < most || r.team === shown).map((r) => ({ ...r, key: r.team, class: r.team === shown ? "own" : "" })));
    told(rows.get(shown), rows.size);
  };
  return { element: table.element, of: (name) => { shown = name; show(); } };
}
