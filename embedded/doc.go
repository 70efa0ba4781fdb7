// Command embedded runs everything in one process: the clue, hunt and score services as three
// linked nodes, and teams that play.
//
//	go run ./embedded                        simulated teams play the sample hunt
//	go run ./embedded replay -log FILE       replays the guess log of a real hunt
//	go run ./embedded derive -log FILE       prints the hunt that a log was played on
//	go run ./embedded storm                  floods three nodes, with the cascade guard off and then on
//	go run ./embedded storm -sick            runs healthy handlers, keys and emitters beside sick ones
//
// Flags have one dash or two; docs/treasure-hunt.md, docs/replay.md and docs/storms.md list them.
//
// Flags are parsed by the standard library, and not by the library that the daemons and meshctl
// use, which takes `-for` for three flags of one letter.
package main
