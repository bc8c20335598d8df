"""How the app's writers put things into attributes: the shapes of docs/domain.md. What happens when: actors/.

Each function returns the attributes. It sets on the booking or the record what they support (``known_*``,
amount, source, mode), read off the domain's tables here, never taken from the pipeline.
"""
