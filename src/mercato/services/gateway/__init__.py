"""The one API: owns the GraphQL schema · serves GraphQL over HTTP and WebSocket, stored media, the web page ·
consumes Redis pub/sub pushes and their logs · publishes nothing · stores Redis `persisted:*`, a copy of what clients
send."""
