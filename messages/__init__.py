"""Messages: a code with arguments, and the sentence it is in each language. What is told when is decided elsewhere."""
