//go:build !unix

package socket

// onlyMine does nothing: the folder's access list decides who may connect.
func onlyMine() (end func()) { return func() {} }
