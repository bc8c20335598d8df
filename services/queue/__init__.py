"""The queue: which requests wait for a provider, in which order, and who is offered a booking next. What a provider
answers stands in services/moving/."""
