"""Who is told what, and when. rules.py: the rules as data; observe.py: what a run saw; engine.py: the decision, pure;
message.py: its words; turn.py: the edge, which reads, stores and sends. Delivery itself is resources/notifier.py."""
