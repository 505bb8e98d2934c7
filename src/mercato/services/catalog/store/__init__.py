"""The catalog's SQL: writing facts (`writing` and what it is made of) and reading them back (`reading`)."""
