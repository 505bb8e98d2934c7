"""Other indexers, each run by its own means on the node, and with the server, that ours is measured with."""
