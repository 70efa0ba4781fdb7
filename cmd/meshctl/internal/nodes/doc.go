// Package nodes asks the nodes of a mesh what they do, and tells them what to do.
//
// A question is the part of a subject behind "mesh.ops.", such as "stats", and is asked at taps.
// There are two ways: [Direct] asks the node of each tap and joins the answers; [Signed] asks all
// nodes through one tap, with an operator's signature, and they pass the question on over their
// links.
package nodes
