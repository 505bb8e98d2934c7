"""Media: files and metadata documents by content id.

owns: what is stored under a CID, and what a token's URI resolves to · serves: MediaService ·
consumes: metadata.requested · publishes: media.events metadata.resolved ·
stores: S3 objects, Mongo media.assets and metadata.docs
"""
