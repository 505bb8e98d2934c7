"""The one API: owns the GraphQL schema · serves GraphQL over HTTP and WebSocket, stored media, the web page ·
consumes Redis pub/sub pushes and their logs · publishes nothing · stores copies in Redis: `persisted:*`, what clients
send, and `cache:read:*`, what anonymous readers were answered."""
