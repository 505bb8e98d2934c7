"""The HTTP side: GraphQL over HTTP, uploads, stored media, and the pages people look at."""
