import { h, setText } from "/assets/dom.js";
import { board } from "./board.js";
import { call, keepTeam, teamOf } from "./team.js";

const main = document.getElementById("main");
const standing = h("p", { class: "lead", role: "status" }), desk = h("div"), title = h("h1", {}, "The hunt"), story = h("p", { class: "lead" });
let team = teamOf(), timer, started;

const live = board(10, team, (row, teams) => setText(standing, !team ? "" : row
  ? `${team}: ${row.points} points, rank ${row.rank} of ${teams}${row.finished ? ", finished" : ""}` : `${team}: no point yet`));
main.append(title, story, h("div", { class: "play" }, h("div", {}, standing, desk), h("section", { class: "sheet" }, live.element)));
call("hunt/v1/hunt").then((hunt) => {
  setText(title, hunt.title);
  setText(story, hunt.text.trim().split(/\n\s*\n/)[0]);
}, () => {});

if (team) play();
else join();

// join asks for a name. Who joins under the name of a team that is there plays with it.
function join() {
  const animals = ["Otters", "Wrens", "Lynxes", "Moles", "Herons"];
  const name = h("input", { name: "team", required: true, maxlength: 60, autocomplete: "off", "aria-label": "The name of your team",
    value: `New ${animals[Math.floor(Math.random() * animals.length)]} ${Math.floor(100 + Math.random() * 900)}` });
  const said = h("p", { class: "problem said", role: "alert" });
  desk.replaceChildren(h("section", { class: "sheet join" }, h("h2", {}, "Join with a team"), h("form", { class: "line", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await call("hunt/v1/teams", { team: name.value.trim() });
      team = name.value.trim();
      keepTeam(team);
      live.of(team);
      play();
    } catch (error) {
      setText(said, error.message);
    }
  } }, name, h("button", { class: "main" }, "Play")), said));
  name.select();
}

// play shows the clues that are open, and looks for more.
function play() {
  const clues = new Map(), open = h("div"), done = h("ul"), solved = h("details", { class: "sheet solved" }, h("summary", {}, "Solved"), done);
  const said = h("p", { class: "note", role: "status" }, "The first clues are on their way.");
  desk.replaceChildren(said, open, solved, h("p", { class: "note" }, h("button", { type: "button", onclick: leave }, "Play as another team")));
  started = performance.now();
  const look = async () => {
    clearTimeout(timer);
    try {
      const found = await call(`clue/v1/teams/${encodeURIComponent(team)}/clues`);
      show(found.clues);
      setText(said, found.clues.some((c) => !c.solved) ? "" : found.clues.length ? "You have solved all that is open to you." : waiting());
    } catch (error) {
      setText(said, error.message);
    }
    timer = setTimeout(look, 1500);
  };
  const show = (list) => {
    for (const clue of list) {
      if (!clues.has(clue.id)) clues.set(clue.id, card(clue, look));
      clues.get(clue.id).update(clue);
    }
    const order = list.filter((c) => !c.solved).map((c) => clues.get(c.id).element);
    order.forEach((element, i) => { if (open.children[i] !== element) open.insertBefore(element, open.children[i] || null); });
    for (const element of [...open.children]) if (!order.includes(element)) element.remove();
    const names = list.filter((c) => c.solved);
    if (done.children.length !== names.length) done.replaceChildren(...names.map((c) => h("li", {}, `${c.title}, ${c.points} points`)));
    solved.hidden = names.length === 0;
  };
  look();
}

// A team that another run of the program knew is not known to this one.
function waiting() {
  if (performance.now() - started < 4000) return "The first clues are on their way.";
  call("hunt/v1/teams", { team }).catch(() => {});
  return "The first clues are on their way. Joining again.";
}

function leave() {
  clearTimeout(timer);
  keepTeam("");
  team = "";
  live.of("");
  join();
}

// card is a clue, with a field for guesses. The field stays while the clue changes.
function card(clue, changed) {
  const worth = h("span", {}, `${clue.points} points`), hints = h("div"), said = h("p", { class: "said", role: "status" }), note = h("span", { class: "note" });
  const guess = h("input", { name: "guess", autocomplete: "off", required: true, maxlength: 200, "aria-label": `Your guess at ${clue.title}` });
  const hint = h("button", { type: "button", onclick: async () => {
    hint.disabled = true;
    try {
      await call("clue/v1/hints", { team, clue: clue.id });
    } catch (error) {
      say(error.message, "bad");
    }
    hint.disabled = false;
    changed();
  } });
  const say = (text, how) => {
    said.className = `said ${how}`;
    setText(said, text);
  };
  const form = h("form", { class: "line", onsubmit: async (event) => {
    event.preventDefault();
    try {
      const verdict = await call("clue/v1/answers", { team, clue: clue.id, guess: guess.value });
      if (verdict.verdict === "correct") say("Right!", "right");
      else say(`“${guess.value}” is wrong.${verdict.guesses_left == null ? "" : ` ${verdict.guesses_left} more guesses.`}`, "bad");
      guess.select();
    } catch (error) {
      say(error.message, "bad");
    }
    changed();
  } }, guess, h("button", { class: "main" }, "Guess"), hint, note);
  const element = h("section", { class: "sheet clue", "data-clue": clue.id }, h("h2", {}, clue.title, worth), h("p", { class: "text" }, clue.text.trim()), hints, form, said);
  const update = (now) => {
    if (hints.children.length !== now.hints.length) hints.replaceChildren(...now.hints.map((text) => h("p", { class: "hint" }, text)));
    hint.hidden = now.hints_left === 0;
    setText(hint, now.next_hint_cost == null ? "Take a hint" : `Take a hint for ${now.next_hint_cost} points`);
    setText(note, now.locked_until ? `locked until ${new Date(now.locked_until).toLocaleTimeString("en-GB")}` : now.wrong_guesses ? `${now.wrong_guesses} wrong so far` : "");
  };
  return { element, update };
}
