"""Who is told what, and when: transitions of checks to messages. Delivery itself is resources/notifier.py."""
