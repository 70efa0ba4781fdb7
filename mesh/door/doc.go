// Package door is an HTTP port for those who run a node: where it listens, and who gets in.
//
//	server, err := door.Serve(door.Config{Listen: "127.0.0.1:9101"}, handler)
//
// # Guarantees
//
//   - Without a token nobody but this machine is answered, and no page in a browser on it that is
//     not ours: by DNS such a page can pass for one of ours, and its requests then name another
//     host.
//   - With a token nobody is answered who does not bring it.
package door
