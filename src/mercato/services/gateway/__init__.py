"""The one API: owns the GraphQL schema · serves GraphQL over HTTP and WebSocket, stored media, the web page ·
consumes Redis pub/sub pushes · publishes nothing · stores nothing but copies of answers (Redis `cache:read:*`)."""
