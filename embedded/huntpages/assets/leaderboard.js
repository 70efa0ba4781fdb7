import { h } from "/assets/dom.js";
import { board } from "./board.js";
import { teamOf } from "./team.js";

const main = document.getElementById("main");
main.append(h("h1", {}, "The leaderboard"), h("p", { class: "lead" }, "It changes as teams solve clues. ", h("a", { href: "/hunt/play" }, "Play along"), "."),
  h("section", { class: "sheet" }, board(200, teamOf()).element));
