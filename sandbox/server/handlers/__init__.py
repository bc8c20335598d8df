"""The calls, one module a kind of thing: each takes a project with a call, gives an answer."""
