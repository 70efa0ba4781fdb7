// Package inproc runs several nodes in one process and links them: for development, tests and
// single-machine use.
//
//	nodes, err := inproc.Open(ctx, clueConfig, huntConfig, scoreConfig)
//	if err != nil {
//		return err
//	}
//	defer nodes.Close(ctx)
//	err = nodes.Ready(ctx)
//
// # Guarantees
//
//   - The nodes are the same as those of separate processes, with real servers and real
//     links on loopback. Only the parts of their configurations that say where and with
//     which key are replaced: Listen, Seed and Peers.
//   - On an error nothing is left running.
package inproc
