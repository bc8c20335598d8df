"""The calls, a module for each kind of thing: they take a project with a call, give an answer. None knows another."""
